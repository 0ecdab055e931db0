"""Fields that a CRM withholds from the user who connected: the run says so."""

from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest

from astrelo.domain.identifiers import Cursor, ObjectType
from astrelo.domain.ports.crm import CrmSession
from astrelo.domain.records import RecordPage
from astrelo.domain.sync import RunStatus, Window
from tests.support.builders import company, contact
from tests.support.harness.sync import ScriptedCrm, sync_harness

pytestmark = pytest.mark.anyio

COMPANIES, CONTACTS = ObjectType.COMPANIES, ObjectType.CONTACTS


class WithholdingCrm(ScriptedCrm):
    async def read(
        self,
        session: CrmSession,
        object_type: ObjectType,
        *,
        window: Window | None = None,
        cursor: Cursor | None = None,
    ) -> AsyncGenerator[RecordPage, None]:
        async for page in super().read(session, object_type, window=window, cursor=cursor):
            yield replace(page, withheld=["email"] if object_type is CONTACTS else [])


async def test_a_field_that_is_withheld_counts_as_hidden_in_every_record_once(database: str) -> None:
    pages = [contact("11"), contact("12")], [contact("12"), contact("13")]
    crm = WithholdingCrm(pages={COMPANIES: [[company("1")]], CONTACTS: [*pages]})
    async with sync_harness(database, crm) as made:
        run = await made.sync()
    assert run.status is RunStatus.COMPLETED
    assert run.step(CONTACTS).counts.hidden == {"email": 3}
    assert run.step(CONTACTS).counts.unreadable == {}
    assert run.step(COMPANIES).counts.hidden == {}
