"""cfstore, an R2 and Workers KV for tests, as a container of testcontainers."""

import json
import os
import re
from dataclasses import dataclass, field

from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

__all__ = ["CfstoreContainer", "Connection"]

PORT = 9710

# The line of JSON that `cfstore serve` prints once it listens, whole.
READY = re.compile(r'^\{.*"R2_SECRET_ACCESS_KEY":.*\}$', re.MULTILINE)


@dataclass(frozen=True)
class Connection:
    """What clients need: of R2's S3 API, with region ``auto`` and path style, and of Workers KV's REST API."""

    endpoint: str
    account_id: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    bucket: str
    api_base_url: str
    api_token: str = field(repr=False)
    namespace_id: str

    @property
    def variables(self) -> dict[str, str]:
        """The environment of a program that reads the variables of R2 and Cloudflare, such as ``cfstore`` and wrangler."""
        return {
            "R2_ENDPOINT": self.endpoint,
            "R2_ACCOUNT_ID": self.account_id,
            "R2_ACCESS_KEY_ID": self.access_key_id,
            "R2_SECRET_ACCESS_KEY": self.secret_access_key,
            "R2_BUCKET_MEDIA": self.bucket,
            "CLOUDFLARE_API_BASE_URL": self.api_base_url,
            "CLOUDFLARE_ACCOUNT_ID": self.account_id,
            "CLOUDFLARE_API_TOKEN": self.api_token,
            "KV_NAMESPACE_ID": self.namespace_id,
        }


class CfstoreContainer(DockerContainer):
    """A server with an empty store, the bucket ``media`` and the namespace ``local``.

    ``image`` is the image of cfstore; without it, the variable ``CFSTORE_IMAGE`` names it. ``arguments`` go to ``cfstore serve``, such as
    ``--r2-as-in-production``; what ``kwargs`` holds goes to :class:`DockerContainer`.
    """

    def __init__(self, image: str | None = None, arguments: tuple[str, ...] | list[str] = (), **kwargs) -> None:
        image = image or os.environ.get("CFSTORE_IMAGE")
        if not image:
            raise ValueError("the image of cfstore is not known: give it as image, or set CFSTORE_IMAGE")
        super().__init__(image, **kwargs)
        self.with_exposed_ports(PORT)
        self.with_command(["--json", "serve", "--listen", f"0.0.0.0:{PORT}", *arguments])
        self.waiting_for(LogMessageWaitStrategy(READY))

    @property
    def connection(self) -> Connection:
        """How the server is reached from where the tests run. Its credentials are its own, and random."""
        stdout, _ = self.get_logs()
        printed = READY.search(stdout.decode())
        if printed is None:
            raise RuntimeError("the log of the container does not have the variables that `cfstore --json serve` prints")
        variables = json.loads(printed[0])
        endpoint = f"http://{self.get_container_host_ip()}:{self.get_exposed_port(PORT)}"
        return Connection(
            endpoint=endpoint,
            account_id=variables["R2_ACCOUNT_ID"],
            access_key_id=variables["R2_ACCESS_KEY_ID"],
            secret_access_key=variables["R2_SECRET_ACCESS_KEY"],
            bucket=variables["R2_BUCKET_MEDIA"],
            api_base_url=f"{endpoint}/client/v4",
            api_token=variables["CLOUDFLARE_API_TOKEN"],
            namespace_id=variables["KV_NAMESPACE_ID"],
        )
