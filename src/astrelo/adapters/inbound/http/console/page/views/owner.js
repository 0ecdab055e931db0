// The name of an owner, whom records give by id.

import { useResource } from "../data/resource.js";
import { personName } from "../words/names.js";

export function OwnerName({ id }) {
  const { value, problem } = useResource(`/api/owners/${id}`);
  if (problem) return "not known any more";
  if (!value) return "…";
  return `${personName(value)}${value.archived ? " (deactivated)" : ""}`;
}
