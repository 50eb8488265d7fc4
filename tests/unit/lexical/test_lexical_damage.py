import json
import shutil
import subprocess
import sys
import threading

import pytest

from cortex_engine.core.errors import CortexError, IndexUnavailableError, LibraryLockedError
from cortex_engine.core.protocols import LexicalEntry, LexicalQuery
from cortex_engine.lexical.tantivy_index import TantivyIndex

QUERY = LexicalQuery("wordv common")


def word(number):
    """A word of letters only, another one for each number."""
    return "word" + "".join("kbcvfghjmp"[int(digit)] for digit in str(number))


def entries(first, count):
    return [
        LexicalEntry(
            f"c{n:04}", f"d{n % 7}", f"common {word(n)} and some text to fill the page {n * n}", f"Title {n}", "en"
        )
        for n in range(first, first + count)
    ]


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sound") / "index"
    index = TantivyIndex(folder)
    index.add(entries(0, 300))
    index.flush()
    index.remove(["d3"])
    index.flush()
    index.close()
    return folder


def gone(path):
    path.unlink()


def emptied(path):
    path.write_bytes(b"")


def halved(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flipped(path):
    data = bytearray(path.read_bytes())
    data[10] ^= 0x10
    path.write_bytes(bytes(data))


def end_flipped(path):
    data = bytearray(path.read_bytes())
    data[-3] ^= 0x10
    path.write_bytes(bytes(data))


KINDS = ("idx", "pos", "term", "store", "fast", "fieldnorm", "del")


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("harm", [gone, emptied, halved, flipped, end_flipped])
@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_is_reported_by_name(sound, tmp_path, kind, harm, read_only):
    folder = tmp_path / "index"
    shutil.copytree(sound, folder)
    (victim, *_) = folder.glob(f"*.{kind}")
    harm(victim)
    index = TantivyIndex(folder, read_only=read_only)
    for call in (
        lambda: index.match(QUERY, 5),
        lambda: index.moments(QUERY),
        index.count,
        index.ids,
        index.verify,
        lambda: index.scores(QUERY, ["c0001"]),
        lambda: index.permits(LexicalQuery("", ("common",)), ["c0001"]),
    ):
        with pytest.raises(IndexUnavailableError, match=victim.name):
            call()
    index.close()


@pytest.mark.parametrize("harm", [gone, emptied, halved])
def test_a_damaged_list_of_segments_is_never_an_empty_index(sound, tmp_path, harm):
    folder = tmp_path / "index"
    shutil.copytree(sound, folder)
    harm(folder / "meta.json")
    for index in (TantivyIndex(folder), TantivyIndex(folder, read_only=True)):
        with pytest.raises(IndexUnavailableError, match="rebuild"):
            index.count()
        with pytest.raises(IndexUnavailableError):
            index.add(entries(0, 1)) if not index._read_only else index.match(QUERY, 1)


@pytest.mark.parametrize("content", ["[]", "{}", '{"segments": 3}', '{"segments": [{}]}', '{"segments": [null]}'])
def test_a_senseless_list_of_segments_is_reported(sound, tmp_path, content):
    folder = tmp_path / "index"
    shutil.copytree(sound, folder)
    (folder / "meta.json").write_text(content)
    with pytest.raises(IndexUnavailableError):
        TantivyIndex(folder).match(QUERY, 1)


def test_damage_in_use_is_found_by_verify(sound, tmp_path):
    folder = tmp_path / "index"
    shutil.copytree(sound, folder)
    index = TantivyIndex(folder)
    index.verify()
    assert index.count() == 257
    (victim, *_) = folder.glob("*.idx")
    flipped(victim)
    with pytest.raises(IndexUnavailableError, match="checksum"):
        index.verify()
    index.close()


def test_another_folder_or_schema_is_no_index(tmp_path):
    (tmp_path / "notes.txt").write_text("not an index")
    with pytest.raises(IndexUnavailableError):
        TantivyIndex(tmp_path).count()


def test_reading_what_is_not_there(tmp_path):
    index = TantivyIndex(tmp_path / "nothing", read_only=True)
    with pytest.raises(IndexUnavailableError):
        index.match(QUERY, 1)
    assert not (tmp_path / "nothing").exists()
    with pytest.raises(IndexUnavailableError, match="reading only"):
        index.add(entries(0, 1))
    with pytest.raises(IndexUnavailableError, match="reading only"):
        index.remove(["d1"])


def test_a_panic_of_tantivy_becomes_a_sentence(sound, monkeypatch):
    import tantivy

    def panic(*_):
        tantivy.Query.phrase_query(tantivy.SchemaBuilder().add_text_field("words").build(), "words", ["one"])

    index = TantivyIndex(sound, read_only=True)
    monkeypatch.setattr("cortex_engine.lexical.tantivy_index.QueryBuilder.matching", panic)
    with pytest.raises(IndexUnavailableError, match="tantivy failed"):
        index.match(QUERY, 1)


def test_one_writer_at_a_time_and_its_lock_goes_with_close(tmp_path):
    first, second = TantivyIndex(tmp_path / "i"), TantivyIndex(tmp_path / "i")
    first.add(entries(0, 5))
    first.flush()
    with pytest.raises(LibraryLockedError, match="another process"):
        second.add(entries(5, 5))
    assert second.count() == 5, "reading needs no lock"
    first.close()
    second.add(entries(5, 5))
    second.flush()
    assert second.count() == 10
    second.close()
    assert first.count() == 10
    first.close()


READER = """
import json, sys
from pathlib import Path
from cortex_engine.core.protocols import LexicalQuery
from cortex_engine.lexical.tantivy_index import TantivyIndex
index = TantivyIndex(Path(sys.argv[1]), read_only=True)
for line in sys.stdin:
    hits = [item.chunk_id for item in index.match(LexicalQuery(line.strip()), 10)]
    print(json.dumps([index.count(), hits]), flush=True)
"""


def test_another_process_reads_beside_the_writer_and_sees_every_commit(tmp_path):
    writer = TantivyIndex(tmp_path / "i")
    writer.add(entries(0, 1))
    writer.flush()
    command = [sys.executable, "-c", READER, str(tmp_path / "i")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:

        def ask(text):
            reader.stdin.write(f"{text}\n")
            reader.stdin.flush()
            return json.loads(reader.stdout.readline())

        for number in range(1, 25):  # enough commits for segments to be merged and their files removed
            assert ask(word(number)) == [number, []]
            writer.add(entries(number, 1))
            assert ask(word(number)) == [number, []], "not committed yet"
            writer.flush()
            assert ask(word(number)) == [number + 1, [f"c{number:04}"]]
        writer.remove(["d3"])
        writer.flush()
        assert ask(word(3)) == [21, []]
        reader.stdin.close()
        assert reader.wait(30) == 0
    writer.close()


def test_threads_search_while_one_writes(tmp_path):
    index = TantivyIndex(tmp_path / "i")
    index.add(entries(0, 50))
    index.flush()
    problems, stop = [], threading.Event()

    def search():
        while not stop.is_set():
            try:
                assert "c0003" in [item.chunk_id for item in index.match(QUERY, 5)]
            except (AssertionError, CortexError) as error:
                problems.append(error)
                return

    threads = [threading.Thread(target=search) for _ in range(3)]
    for thread in threads:
        thread.start()
    for start in range(50, 150, 10):
        index.add(entries(start, 10))
        index.flush()
    stop.set()
    for thread in threads:
        thread.join()
    assert problems == []
    assert index.count() == 150
    index.close()


def test_moments_beyond_the_exact_limit_stay_close_and_repeat(tmp_path):
    index = TantivyIndex(tmp_path / "i")
    index.add(
        LexicalEntry(f"c{n}", f"d{n % 2}", " ".join(f"w{(n * k) % (k * 7)}" for k in range(1, 25)), "", "")
        for n in range(20_000)
    )
    index.flush()
    query = LexicalQuery("w0 w3 w12 w50 w100")
    for documents, count in ((None, 20_000), ({"d1"}, 10_000)):
        scores = [item.score for item in index.match(query, count, documents)]
        mean = sum(scores) / count
        deviation = (sum(score * score for score in scores) / count - mean * mean) ** 0.5
        found = index.moments(query, documents)
        assert found == index.moments(query, documents)
        assert found.count == count
        assert abs(found.mean - mean) < 0.1 * deviation
        assert found.deviation == pytest.approx(deviation, rel=0.1)
    index.close()


def test_fingerprint_names_what_decides(tmp_path):
    assert "tantivy-" in TantivyIndex(tmp_path).fingerprint
    assert "analysis-" in TantivyIndex(tmp_path).fingerprint


def test_a_scope_of_all_documents_is_forgotten_when_others_come(tmp_path):
    index = TantivyIndex(tmp_path / "i")
    index.add(LexicalEntry(f"c{n}", f"d{n}", "common", "", "") for n in range(100))
    index.flush()
    scope = frozenset(f"d{n}" for n in range(100))
    query = LexicalQuery("common")
    assert len(index.match(query, 500, scope)) == index.moments(query, scope).count == 100
    index.add([LexicalEntry("new", "new", "common", "", "")])
    index.flush()
    assert "new" not in [item.chunk_id for item in index.match(query, 500, scope)]
    assert index.moments(query, scope).count == 100
    index.close()
