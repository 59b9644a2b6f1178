"""A real Postgres and a real Redis as child processes, for `seatserver demo` and for the tests.

Nothing here is a fake or a special mode of the product: the servers listen on 127.0.0.1 with passwords, and the rest
of the house only ever sees their URLs. Read `servers` for what they are, `process` for how a child is started and
ended, `launcher` for what happens in the child before it becomes the server, `folder` for the data folder, and
`binaries` for where the programs come from. Only the command line and the tests import this package.
"""

from seatserver.embedded.folder import DataFolder
from seatserver.embedded.postgres import EmbeddedPostgres
from seatserver.embedded.redis import EmbeddedRedis
from seatserver.embedded.servers import EmbeddedServers

__all__ = ["DataFolder", "EmbeddedPostgres", "EmbeddedRedis", "EmbeddedServers"]
