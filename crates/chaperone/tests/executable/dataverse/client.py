"""The calls that programs made for Dataverse audit make with PowerPlatform-Dataverse-Client, unmodified, against a
running Chaperone. The test that starts this says where it is, whose token to use, and how many records there are."""

import os
import time
from datetime import datetime, timezone

from azure.core.credentials import AccessToken
from PowerPlatform.Dataverse.client import DataverseClient
from PowerPlatform.Dataverse.core.errors import HttpError
from PowerPlatform.Dataverse.models.filters import col

SERVER = os.environ["SERVER_URL"]
RECORDS = int(os.environ["RECORDS"])
USER = os.environ["USER_ID"]


class Token:
    """What the client asks for a token."""

    def __init__(self, secret):
        self.secret = secret

    def get_token(self, *scopes, **more):
        assert scopes == (f"{SERVER}/.default",), scopes
        return AccessToken(self.secret, int(time.time()) + 3600)


def refused(call):
    """The refusal of a call that must be refused."""
    try:
        call()
    except HttpError as error:
        return error
    raise AssertionError("it was not refused")


client = DataverseClient(SERVER, Token(os.environ["TOKEN"]))

# Access records: selected, filtered, ordered, with texts for people.
rows = client.records.list(
    "audit",
    select=["auditid", "action", "createdon", "_userid_value"],
    filter=f"action eq 64 and _userid_value eq '{USER}'",
    orderby=["createdon desc"],
    top=3,
    count=True,
    include_annotations="*",
)
assert len(rows) == 3, len(rows)
row = rows[0]
assert row["action"] == 64
assert row["action@OData.Community.Display.V1.FormattedValue"] == "User Access via Web"

# Everything, by pages.
written = "action eq 64 and createdon lt 2024-06-01"
pages = list(client.records.list_pages("audit", select=["auditid"], filter=written, page_size=1000))
ids = [one["auditid"] for page in pages for one in page]
assert len(ids) == RECORDS and len(set(ids)) == RECORDS, len(ids)
assert len(pages) == (RECORDS + 999) // 1000, len(pages)
assert len(client.records.list("audit", select=["auditid"], filter=written)) == RECORDS

# One row; one that is not there.
one = client.records.retrieve("audit", row["auditid"], select=["action", "createdon"])
assert one["action"] == 64
assert client.records.retrieve("audit", "01a1fc37-65c2-7000-83d3-1715f43e7799") is None

# The query builder, with its lists in double quotes and its dates with and without quotes.
built = (
    client.query.builder("audit")
    .select("action", "createdon")
    .where(col("action").in_([64, 65]))
    .where(col("createdon") > "2020-01-01T00:00:00Z")
    .where(col("createdon") < datetime(2090, 1, 1, tzinfo=timezone.utc))
    .where(~(col("action") == 65))
    .order_by("createdon", descending=True)
    .top(5)
    .execute()
)
assert [one["action"] for one in built] == [64] * 5, built
assert len(client.records.list("audit", filter=col("action").not_in([64]), top=1)) == 1
assert len(client.records.list("audit", filter=col("createdon").between("2020-01-01", "2020-01-02"))) == 0

# The organization's settings, read and changed.
[organization] = client.records.list("organization", select=["organizationid", "useraccessauditinginterval"])
client.records.update("organization", organization["organizationid"], {"useraccessauditinginterval": 6})
changed = client.records.retrieve("organization", organization["organizationid"])
assert changed["useraccessauditinginterval"] == 6, changed
client.records.update("organization", organization["organizationid"], {"useraccessauditinginterval": 4})

# Users, and the definition of a table.
users = client.records.list("systemuser", select=["fullname"], filter="isdisabled eq false")
assert any(user["systemuserid"] == USER for user in users)
table = client.tables.get("audit")
assert table["entity_set_name"] == "audits", table

# What is refused says so in the source's form.
wrong = refused(lambda: client.records.list("audit", filter="nothing eq 1"))
assert wrong.status_code == 400 and "Could not find a property named 'nothing'" in str(wrong), wrong
sql = refused(lambda: client.query.sql("SELECT TOP 3 action FROM audit"))
assert sql.status_code == 501, sql
interval = refused(
    lambda: client.records.update("organization", organization["organizationid"], {"useraccessauditinginterval": -1})
)
assert interval.status_code == 400, interval
auditor = DataverseClient(SERVER, Token(os.environ["AUDITOR_TOKEN"]))
assert len(auditor.records.list("audit", top=1)) == 1
not_allowed = refused(
    lambda: auditor.records.update("organization", organization["organizationid"], {"isauditenabled": False})
)
assert not_allowed.status_code == 403, not_allowed
nobody = refused(lambda: DataverseClient(SERVER, Token("nonsense")).records.list("audit"))
assert nobody.status_code == 401, nobody

print("every call was answered")
