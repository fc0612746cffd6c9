"""Turns Debian packages into rows of the provenance graph. Pure and deterministic.

A package is an atom; a source package is a model, and its archive an atom too where a package bears its name; a section is
a layer; the tags of a program are an embedding of its atom. Depends, Pre-Depends and Recommends are DerivedFrom, or
ComponentOf the package where that is a meta-package; Provides, Replaces and Breaks are SimilarTo; a package is ComponentOf
its section and GeneratedBy its source, and a generation stream leads from the source's archive to it. Archives without a row
are known by their streams alone.
"""

import datetime
import hashlib
import json
import zlib
from dataclasses import dataclass, field
from typing import Iterable, NamedTuple

from debian_index import Relation, relations

# Far from the sample's ids, so that both fit in one database.
FIRST_ATOM, FIRST_NODE, FIRST_EDGE, FIRST_STREAM = 1_000_001, 2_000_001, 3_000_001, 9_000_001
MODALITY = {"sound": "audio", "video": "video", "graphics": "image", "localization": "text"}
LIKENESS = {"Provides": 0.9, "Replaces": 0.7, "Breaks": 0.3}
EPOCH = datetime.datetime(2023, 1, 1)
SPREAD_S = 160 * 86_400


class Atom(NamedTuple):
    atom_id: int
    modality: str
    subtype: str
    source_type: str
    source_uri: str
    content_hash: str
    canonical_text: str | None
    created_at: str


class Node(NamedTuple):
    node_id: int
    atom_id: int
    node_type: str
    metadata: str | None
    created_at: str


class Edge(NamedTuple):
    edge_id: int
    from_node: int
    to_node: int
    relationship_type: str
    weight: float | None
    metadata: str | None
    created_at: str


class Stream(NamedTuple):
    stream_id: int
    source_atom: int
    target_atom: int
    generation_type: str
    model_used: str | None
    parameters: str | None
    metadata: str | None
    created_at: str


class Package(NamedTuple):
    name: str
    version: str
    source: str
    source_version: str
    section: str
    size: int | None
    fields: dict[str, str]

    @property
    def is_meta(self) -> bool:
        return (
            self.section == "metapackages"
            or self.name.endswith("-meta")
            or "metapackage" in self.fields.get("Description", "").lower()
        )


@dataclass
class Rows:
    atoms: list[Atom] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    streams: list[Stream] = field(default_factory=list)

    def atom(self, *values) -> int:
        self.atoms.append(Atom(FIRST_ATOM + len(self.atoms), *values))
        return self.atoms[-1].atom_id

    def node(self, *values) -> int:
        self.nodes.append(Node(FIRST_NODE + len(self.nodes), *values))
        return self.nodes[-1].node_id

    def edge(self, *values) -> None:
        self.edges.append(Edge(FIRST_EDGE + len(self.edges), *values))

    def stream(self, *values) -> None:
        self.streams.append(Stream(FIRST_STREAM + len(self.streams), *values))


def package(fields: dict[str, str]) -> Package:
    version = fields["Version"]
    source, _, bracketed = fields.get("Source", fields["Package"]).partition(" ")
    size = fields.get("Installed-Size")
    return Package(
        name=fields["Package"],
        version=version,
        source=source,
        source_version=bracketed.strip("()") or version,
        section=fields.get("Section", "misc"),
        size=int(size) if size else None,
        fields=fields,
    )


def distinct(paragraphs: Iterable[dict[str, str]]) -> list[Package]:
    """Each name and version once: an index of updates repeats what another has."""
    seen = {}
    for fields in paragraphs:
        seen.setdefault((fields["Package"], fields["Version"]), fields)
    return [package(fields) for fields in seen.values()]


def cut(packages: list[Package], limit: int) -> list[Package]:
    """Half are the packages that most others need, half are any: hubs stay hubs and lose no leaves."""
    needed: dict[str, int] = {}
    for each in packages:
        for clause in relations(each.fields.get("Depends", "")):
            for relation in clause:
                needed[relation.name] = needed.get(relation.name, 0) + 1
    by_need = sorted(packages, key=lambda each: (-needed.get(each.name, 0), each.name, each.version))
    by_chance = sorted(by_need[limit // 2 :], key=lambda each: scatter(each.name + each.version))
    return sorted(by_need[: limit // 2] + by_chance[: limit - limit // 2], key=lambda each: (each.name, each.version))


def scatter(text: str) -> int:
    return zlib.crc32(text.encode())


def moment(text: str) -> str:
    """A time that is the same at each run, with all seven digits of DATETIME2."""
    second = EPOCH + datetime.timedelta(seconds=scatter(text) % SPREAD_S)
    return f"{second.isoformat()}.{scatter(text + '.') % 10_000_000:07}"


def compact(**values) -> str:
    return json.dumps({key: value for key, value in values.items() if value is not None}, separators=(",", ":"), ensure_ascii=False)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class Builder:
    def __init__(self, packages: list[Package]):
        self.rows = Rows()
        self.packages = packages
        self.missing = 0
        self.by_name: dict[str, int] = {}  # index into packages; the first version read stands for the name
        self.providers: dict[str, int] = {}
        for index, each in enumerate(packages):
            self.by_name.setdefault(each.name, index)
            for clause in relations(each.fields.get("Provides", "")):
                for relation in clause:
                    self.providers.setdefault(relation.name, index)

    def build(self) -> Rows:
        self.atom_ids = [self.package_atom(each) for each in self.packages]
        self.node_ids = [self.package_node(each, atom) for each, atom in zip(self.packages, self.atom_ids)]
        self.add_sources()
        self.add_sections()
        self.add_embeddings()
        for index, each in enumerate(self.packages):
            self.add_edges(index, each)
        return self.rows

    def package_atom(self, each: Package) -> int:
        return self.rows.atom(
            MODALITY.get(each.section, "text"), each.section, "debian package", each.fields.get("Filename", each.name),
            each.fields.get("SHA256") or digest(f"package {each.name} {each.version}"), each.fields.get("Description"),
            moment(each.name + each.version),
        )

    def package_node(self, each: Package, atom_id: int) -> int:
        metadata = compact(
            package=each.name, version=each.version, architecture=each.fields.get("Architecture"), section=each.section,
            priority=each.fields.get("Priority"), installedSize=each.size, maintainer=each.fields.get("Maintainer"),
        )
        return self.rows.node(atom_id, "atom", metadata, moment(each.name + each.version))

    def add_sources(self) -> None:
        members: dict[str, list[Package]] = {}
        for each in self.packages:
            members.setdefault(each.source, []).append(each)
        self.source_size = {name: sum(each.size or 0 for each in built) for name, built in members.items()}
        self.source_atom, self.source_node = {}, {}
        for name, built in members.items():
            version, at = built[0].source_version, moment("source " + name)
            atom = self.rows.atom(
                "text", "source", "debian source", f"{name}_{version}.dsc", digest(f"source {name} {version}"), None, at
            )
            self.source_atom[name] = atom
            self.source_node[name] = self.rows.node(
                atom, "model", compact(source=name, version=version, packages=len(built)), at
            )
            if name in self.by_name:
                self.rows.node(atom, "atom", None, at)

    def add_sections(self) -> None:
        members: dict[str, int] = {}
        for each in self.packages:
            members[each.section] = members.get(each.section, 0) + 1
        self.section_node = {}
        for name in sorted(members):
            at = moment("section " + name)
            atom = self.rows.atom("graph", "section", "debian section", f"section/{name}", digest("section " + name), None, at)
            self.section_node[name] = self.rows.node(atom, "layer", compact(section=name, packages=members[name]), at)

    def add_embeddings(self) -> None:
        for each, atom, node in zip(self.packages, self.atom_ids, self.node_ids):
            tags = sorted(tag.strip() for tag in each.fields.get("Tag", "").split(",") if tag.strip())
            if "role::program" not in tags:
                continue
            at = moment("tags " + each.name + each.version)
            embedding = self.rows.node(atom, "embedding", compact(tags=tags), at)
            self.rows.edge(embedding, node, "DerivedFrom", 1.0, None, at)

    def add_edges(self, index: int, each: Package) -> None:
        node, at = self.node_ids[index], moment("edges " + each.name + each.version)
        share = self.share(each.size, self.source_size[each.source])
        self.rows.edge(node, self.source_node[each.source], "GeneratedBy", share, compact(version=each.source_version), at)
        self.rows.edge(node, self.section_node[each.section], "ComponentOf", None, None, at)
        self.rows.stream(
            self.source_atom[each.source], self.atom_ids[index], MODALITY.get(each.section, "text"), each.source,
            compact(version=each.version, architecture=each.fields.get("Architecture")),
            compact(rebuild=each.version) if each.version != each.source_version else None, at,
        )
        for name in ("Pre-Depends", "Depends", "Recommends"):
            for other, relation in self.related(each, name):
                self.add_need(each, node, other, name, relation, at)
        for name, likeness in LIKENESS.items():
            for other, relation in self.related(each, name):
                metadata = compact(field=name, constraint=relation.constraint)
                self.rows.edge(node, self.node_ids[other], "SimilarTo", likeness, metadata, at)

    def add_need(self, each: Package, node: int, other: int, name: str, relation: Relation, at: str) -> None:
        alternatives = relation.alternatives if relation.alternatives > 1 else None
        metadata = compact(field=name, constraint=relation.constraint, alternatives=alternatives)
        if each.is_meta:
            self.rows.edge(self.node_ids[other], node, "ComponentOf", None, metadata, at)
            return
        needed = self.packages[other].size
        both = None if needed is None or each.size is None else needed + each.size
        self.rows.edge(node, self.node_ids[other], "DerivedFrom", self.share(needed, both), metadata, at)

    def related(self, each: Package, name: str) -> Iterable[tuple[int, Relation]]:
        """The packages that a field names; a name that only others provide stands for the first of those."""
        for clause in relations(each.fields.get(name, "")):
            for relation in clause:
                other = self.by_name.get(relation.name, self.providers.get(relation.name))
                if other is None:
                    self.missing += 1
                elif name not in LIKENESS or self.packages[other] is not each:
                    yield other, relation

    @staticmethod
    def share(part: int | None, whole: int | None) -> float | None:
        # Four digits: a decimal of up to six is the shortest that reads back as its REAL.
        return round(part / whole, 4) if part is not None and whole else None
