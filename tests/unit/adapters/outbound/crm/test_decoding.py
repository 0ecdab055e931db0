"""Answers of which a part has another shape: what can be read of them is."""

import json
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrelo.adapters.outbound.crm.decoding import TolerantDecoder, convert_leniently, split_json_array
from astrelo.adapters.outbound.crm.transport import IncompleteResponse
from astrelo.adapters.outbound.hubspot.api.wire import Pipeline, PipelineList
from astrelo.adapters.outbound.hubspot.oauth.client import AccountDetails
from astrelo.domain.errors import CrmRejected
from astrelo.domain.identifiers import Provider

pipelines = TolerantDecoder(PipelineList, Provider.HUBSPOT)
SOUND = {"id": "sales", "label": "Sales", "stages": [{"id": "won", "metadata": {"isClosed": "true"}}]}


def read(*results: object) -> Sequence[Pipeline]:
    return pipelines(json.dumps({"results": results}).encode()).results


@pytest.mark.parametrize(
    "odd",
    [
        None,
        7,
        "default",
        [],
        {},
        {"id": None, "stages": []},
        {"id": {"value": "default"}},
        {"label": "Nameless", "stages": [{"id": "a"}]},
    ],
)
def test_a_pipeline_without_an_id_costs_no_other(odd: object) -> None:
    assert read(odd, SOUND, odd) == read(SOUND)
    assert read(odd) == []


@pytest.mark.parametrize("stages", [None, 5, "a", {}, {"a": {"id": "a"}}, True])
def test_a_pipeline_without_stages_is_one_whose_stages_are_not_known(stages: object) -> None:
    first, second = read({"id": "default", "stages": stages}, SOUND)
    assert (first.stages, second.stages) == ((), read(SOUND)[0].stages)


@pytest.mark.parametrize("stage", [None, 5, "a", [], {}, {"label": "A"}, {"id": []}, {"id": None}])
def test_a_stage_without_an_id_costs_no_other(stage: object) -> None:
    (pipeline,) = read({"id": "default", "stages": [stage, {"id": "b", "label": "B"}, stage]})
    assert [(one.id, one.label) for one in pipeline.stages] == [("b", "B")]


@pytest.mark.parametrize("metadata", [None, [], "closed", 7, {}, {"isClosed": None}, {"probability": {}}])
def test_of_metadata_that_cannot_be_read_nothing_is_known(metadata: object) -> None:
    (pipeline,) = read({"id": "default", "stages": [{"id": "a", "label": "A", "metadata": metadata}]})
    ((stage),) = pipeline.stages
    assert (stage.label, stage.metadata.is_closed, stage.metadata.probability) == ("A", None, None)


def test_numbers_and_booleans_are_read_where_text_is_promised() -> None:
    metadata = {"isClosed": True, "probability": 0.25}
    (pipeline,) = read({"id": 17, "label": 5, "stages": [{"id": 4711, "label": False, "metadata": metadata}]})
    (stage,) = pipeline.stages
    assert (pipeline.id, pipeline.label, stage.id, stage.label) == ("17", "5", "4711", "false")
    assert (stage.metadata.is_closed, stage.metadata.probability) == ("true", "0.25")


def test_what_is_half_readable_keeps_its_readable_half() -> None:
    metadata = {"isClosed": "true", "probability": ["0.5"]}
    (pipeline,) = read({"id": "p", "label": {}, "stages": [{"id": "a", "label": [], "metadata": metadata}]})
    (stage,) = pipeline.stages
    assert (pipeline.label, stage.label) == (None, None)
    assert (stage.metadata.is_closed, stage.metadata.probability) == ("true", None)


@pytest.mark.parametrize("body", [b"null", b"[]", b"{}", b'{"results": null}', b'{"results": {}}', b'"x"'])
def test_an_answer_that_is_no_list_of_pipelines_is_rejected(body: bytes) -> None:
    with pytest.raises(CrmRejected):
        pipelines(body)


@pytest.mark.parametrize("body", [b"", b"{", b'{"results": [', b"<html>"])
def test_an_answer_that_was_cut_off_is_incomplete(body: bytes) -> None:
    with pytest.raises(IncompleteResponse):
        pipelines(body)


def test_an_account_is_known_by_its_id_whatever_else_it_says() -> None:
    details = {"portalId": "4711", "portalName": 5, "timeZone": [], "companyCurrency": {"code": "EUR"}}
    assert convert_leniently(details, AccountDetails) == AccountDetails(4711, "5", None, None)
    with pytest.raises(msgspec.ValidationError):
        convert_leniently(details | {"portalId": "many"}, AccountDetails)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: (
        st.lists(children, max_size=4)
        | st.dictionaries(
            st.sampled_from(["id", "label", "stages", "metadata", "isClosed", "probability"]) | st.text(),
            children,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(st.lists(_JSON, max_size=5))
def test_pipelines_of_any_shape_cost_themselves_alone(results: list[object]) -> None:
    assert [pipeline for pipeline in read(*results, SOUND) if pipeline.id == "sales"][-1:] == list(
        read(SOUND)
    )
    assert len(read(*results)) <= len(results)


@given(st.lists(_JSON, max_size=5))
def test_an_array_comes_apart_into_its_items(items: list[object]) -> None:
    apart = split_json_array(f" {json.dumps(items)}\n")
    expected = [json.dumps(item) for item in items]
    assert apart is not None
    assert [item.strip() for item in apart] == (expected or [""])


@given(st.text(alphabet='[]{},:"\\a1 ', max_size=30))
def test_whatever_is_json_and_an_array_comes_apart_and_nothing_crashes(text: str) -> None:
    apart = split_json_array(text)
    try:
        document = json.loads(text)
    except ValueError:
        return
    assert (apart is not None) == isinstance(document, list)
