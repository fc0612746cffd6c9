"""The clients: how each is installed from its own package, in which modes it can connect, and what it cannot express."""

import hashlib
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

SOURCES = Path(__file__).parent / "clients"
CACHE = Path(__file__).parents[2] / ".provsync" / "conformance"


@dataclass
class Client:
    """`needs` of a check that this client lacks, with the reason; a check is skipped for no other cause."""
    name: str
    modes: tuple[str, ...]
    lacks: dict[str, str] = field(default_factory=dict)
    blurs: dict[str, str] = field(default_factory=dict)  # types that it calls by another's name
    zero_counts: bool = True  # false where it tells a count of 0 and none at all alike

    @property
    def sources(self):
        return SOURCES / self.name

    @property
    def home(self):
        """A folder of the cache that belongs to this state of the sources."""
        digest = hashlib.sha256()
        for path in sorted(self.sources.iterdir()):
            digest.update(path.name.encode() + path.read_bytes())
        return CACHE / f"{self.name}-{digest.hexdigest()[:12]}"

    def install(self):
        done = self.home / "installed"
        if not done.exists():
            self.home.mkdir(parents=True, exist_ok=True)
            INSTALL[self.name](self)
            done.touch()

    def command(self):
        return COMMAND[self.name](self)

    def why_not(self, check):
        return next((self.lacks[need] for need in check["needs"] if need in self.lacks), None)


ALL = [
    Client("mssql-jdbc", ("encrypted", "login", "plain"), zero_counts=False),
    Client("go-mssqldb", ("encrypted", "login", "plain"), {
        "savepoint API": "database/sql has no savepoints",
        "code page": "go-mssqldb sends varchar as UTF-8, whatever the collation",
        "small packets": "go-mssqldb reads the TLS handshake into a buffer of the packet size",
        "reset in a transaction": "go-mssqldb sends the old transaction's descriptor along with the reset",
    }),
    Client("python-tds", ("encrypted", "login", "plain"), {
        "savepoint API": "python-tds has no savepoints",
        "message 3621": "python-tds drops this message",
        "100 ns": "Python's times end at microseconds",
    }, {"char": "varchar", "nchar": "nvarchar", "binary": "varbinary"}),
    Client("tedious", ("encrypted", "plain"), {
        "exact decimals": "tedious reads and writes decimal and money as JavaScript numbers",
        "offsets": "tedious gives datetimeoffset as a Date, which has no offset",
    }),
]


def call(*command, **options):
    subprocess.run([str(part) for part in command], check=True, stdin=subprocess.DEVNULL, **options)


def install_jdbc(client):
    jars = client.home / "jars"
    call("mvn", "-q", "-B", "-f", client.sources / "pom.xml", "dependency:copy-dependencies", f"-DoutputDirectory={jars}")
    call("javac", "-cp", f"{jars}/*", "-d", client.home / "classes", client.sources / "Runner.java")


def install_go(client):
    call("go", "build", "-o", client.home / "runner", ".", cwd=client.sources)


def install_python(client):
    call("python3", "-m", "venv", client.home / "venv")
    call(client.home / "venv" / "bin" / "pip", "install", "-q", "-r", client.sources / "requirements.txt")


def install_node(client):
    (client.home / "package.json").write_bytes((client.sources / "package.json").read_bytes())
    call("npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--silent", cwd=client.home)


INSTALL = {"mssql-jdbc": install_jdbc, "go-mssqldb": install_go, "python-tds": install_python, "tedious": install_node}
COMMAND = {
    "mssql-jdbc": lambda client: ["java", "-Xmx512m", "-cp", f"{client.home}/classes:{client.home}/jars/*", "Runner"],
    "go-mssqldb": lambda client: [client.home / "runner"],
    "python-tds": lambda client: [client.home / "venv" / "bin" / "python", client.sources / "runner.py"],
    "tedious": lambda client: ["env", f"NODE_PATH={client.home}/node_modules", "node", client.sources / "runner.js"],
}

