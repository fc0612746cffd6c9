"""What a small index becomes."""

import io
import pathlib
import tempfile
import unittest

import debian_index
import debian_rows
import row_files

INDEX = """\
Package: libc6
Source: glibc
Version: 2.36-9
Installed-Size: 300
Section: libs
Depends: libgcc-s1 (>= 12)
SHA256: {libc6}

Package: libgcc-s1
Source: gcc (12.2)
Version: 12.2-1
Installed-Size: 100
Section: libs
Depends: libc6:any (>= 2.35) | musl, absent
Provides: libgcc1 (= 1:12)
SHA256: {gcc}

Package: shell
Version: 1
Section: shells
Maintainer: Zoë O'Brien
Tag: role::program,
 use::shell
Depends: libgcc1
SHA256: {shell}

Package: all-meta
Version: 1
Section: metapackages
Depends: shell, libc6
SHA256: {meta}
""".format(libc6="1" * 64, gcc="2" * 64, shell="3" * 64, meta="4" * 64)


def built() -> debian_rows.Builder:
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "Packages"
        path.write_text(INDEX, encoding="utf-8")
        builder = debian_rows.Builder(debian_rows.distinct(debian_index.read_index(path)))
    builder.build()
    return builder


class Rows(unittest.TestCase):
    def setUp(self):
        self.builder = built()
        self.rows = self.builder.rows
        self.names = dict(zip(self.builder.node_ids, (each.name for each in self.builder.packages)))

    def between_packages(self, kind: str) -> set[tuple[str, str]]:
        return {
            (self.names[edge.from_node], self.names[edge.to_node])
            for edge in self.rows.edges
            if edge.relationship_type == kind and edge.from_node in self.names and edge.to_node in self.names
        }

    def test_dependencies_keep_cycles_and_find_providers(self):
        expected = {("libc6", "libgcc-s1"), ("libgcc-s1", "libc6"), ("shell", "libgcc-s1")}
        self.assertEqual(self.between_packages("DerivedFrom"), expected)
        self.assertEqual(self.builder.missing, 2)

    def test_a_meta_package_has_components(self):
        self.assertEqual(self.between_packages("ComponentOf"), {("shell", "all-meta"), ("libc6", "all-meta")})

    def test_an_archive_without_a_package_of_its_name_is_known_by_streams_alone(self):
        rows_of = {node.atom_id for node in self.rows.nodes if node.node_type == "atom"}
        placeholders = {stream.model_used for stream in self.rows.streams if stream.source_atom not in rows_of}
        self.assertEqual(placeholders, {"glibc", "gcc"})

    def test_a_program_has_an_embedding_of_the_same_atom(self):
        embeddings = [node for node in self.rows.nodes if node.node_type == "embedding"]
        self.assertEqual([node.metadata for node in embeddings], ['{"tags":["role::program","use::shell"]}'])
        self.assertIn(embeddings[0].atom_id, self.builder.atom_ids)

    def test_keys_are_unique_and_every_end_is_a_row(self):
        nodes = {node.node_id for node in self.rows.nodes}
        self.assertEqual(len(nodes), len(self.rows.nodes))
        self.assertEqual(len({(node.node_type, node.atom_id) for node in self.rows.nodes}), len(nodes))
        self.assertLessEqual({end for edge in self.rows.edges for end in (edge.from_node, edge.to_node)}, nodes)

    def test_text_is_quoted_and_the_same_input_gives_the_same_file(self):
        first, second = io.StringIO(), io.StringIO()
        row_files.write_sql(self.rows, first)
        row_files.write_sql(built().rows, second)
        self.assertIn("Zoë O''Brien", first.getvalue())
        self.assertEqual(first.getvalue(), second.getvalue())


if __name__ == "__main__":
    unittest.main()
