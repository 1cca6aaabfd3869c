"""Tokens and words in a build: kept with what they belong to, and made again when they must be."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from qasearch import Article, EmbedderError, Index
from qasearch.build import texts
from qasearch.index import EmbeddingCache, Generation, TokenCodec
from qasearch.ingest import passage_text, question_text
from qasearch.protocols import Vectors
from tests.build.folder import EMBEDDER, Folder, counts, damage, stored
from tests.tiny import TinyEmbedder, TinyTokenEmbedder, words

TIDE = "1. **High**: water comes.\n\n2. **Low**: water goes."
WITHOUT_TOKENS = TinyEmbedder(dim=64)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path)
    for name in "abcdef":
        folder.write(name, id=name, text=f"1. **First**: {name} one.\n\n2. **Second**: {name} two.")
    assert folder.build().embedded == 18
    return folder


def bits(index: Path) -> int | None:
    """Of the codes of the generation that answers; None if it has none."""
    with Generation.open(index) as generation:
        return generation.tokens.codec.bits if generation.tokens else None


def codec(index: Path) -> TokenCodec:
    with Generation.open(index) as generation:
        assert generation.tokens is not None
        return generation.tokens.codec


def check_tokens_and_words(index: Path) -> None:
    """Every text has the codes of its own tokens, and its words find it."""
    with Generation.open(index) as generation:
        store, tokens, lexical = generation.store, generation.tokens, generation.lexical
        assert tokens is not None
        articles = store.full_articles(0, store.article_count)
        assert generation.manifest.counts.tokens == len(tokens.texts(0, len(articles))[0])
        for row, article in enumerate(articles):
            codes, sizes = tokens.texts(row, row + 1)
            question, *own = np.split(codes, np.cumsum(sizes)[:-1])
            of_question = words(question_text(article))
            np.testing.assert_array_equal(question, encoded(tokens.codec, of_question))
            for passage, found in zip(article.passages, own, strict=True):
                said = words(passage_text(article, passage))
                assert said[: len(of_question)] == of_question
                expected = encoded(tokens.codec, said[len(of_question) :])
                np.testing.assert_array_equal(found, expected)
        assert lexical.rows == store.passage_count
        for row, passage in enumerate(store.passages(range(store.passage_count))):
            (article,) = [article for article in articles if article.id == passage.article_id]
            terms = lexical.terms(passage_text(article, passage))
            assert lexical.search(terms, 1)[1].tolist() == [row]


def encoded(codec: TokenCodec, said: Sequence[str]) -> np.ndarray:
    return codec.encode(EMBEDDER.embed_passage_tokens([" ".join(said)])[1][0])


def test_each_text_has_its_tokens_and_words(folder: Folder) -> None:
    check_tokens_and_words(folder.index)
    assert bits(folder.index) == 2


def test_tokens_and_words_of_kept_rows_are_those_of_fresh_ones(folder: Folder) -> None:
    folder.write("c", id="c", text=TIDE)
    folder.write("cc", id="cc", text=TIDE)
    folder.remove("e")
    report = folder.build()
    assert counts(report) == {"added": 1, "changed": 1, "removed": 1, "unchanged": 4}
    assert report.embedded == 5  # two passages of each, and one question
    check_tokens_and_words(folder.index)


def test_a_search_finds_by_words_what_it_has_no_vector_for(folder: Folder) -> None:
    """The index of words is that of the generation that answers."""
    folder.write("a", id="a", text="1. **Zebra**: stripes.")
    folder.build()
    with Generation.open(folder.index) as generation:
        (row,) = generation.lexical.search(generation.lexical.terms("zebras"), 9)[1]
        assert generation.store.passages([row])[0].id == "a#1"


def test_other_bits_are_coded_anew_and_stay(folder: Folder) -> None:
    report = folder.build(token_bits=4)
    assert (counts(report), report.embedded) == ({"unchanged": 6}, 18)
    assert bits(folder.index) == 4
    check_tokens_and_words(folder.index)
    folder.write("c", id="c", text=TIDE)
    report = folder.build()
    assert (report.embedded, bits(folder.index)) == (2, 4)
    check_tokens_and_words(folder.index)
    again = folder.build(token_bits=4)
    assert (again.generation, again.embedded) == (report.generation, 0)


def test_going_back_to_bits_from_before_embeds_nothing(folder: Folder) -> None:
    before = stored(folder.index)
    folder.build(token_bits=4)
    assert stored(folder.index) != before
    report = folder.build(token_bits=2)
    assert report.embedded == 0
    assert stored(folder.index) == before


@pytest.mark.parametrize("index_bits", [2, 4])
def test_a_damaged_index_is_built_anew_with_its_bits(folder: Folder, index_bits: int) -> None:
    folder.build(token_bits=index_bits)
    whole = stored(folder.index)
    damage(folder.index, "tokens.npy")
    report = folder.build()
    assert report.embedded == 0
    assert stored(folder.index) == whole


@pytest.mark.parametrize("wanted", [3, 0, 8, "2"])
def test_other_numbers_of_bits_are_refused_before_anything_is_done(
    tmp_path: Path, wanted: object
) -> None:
    folder = Folder(tmp_path)
    folder.write("a", id="a", text=TIDE)
    with pytest.raises(ValueError, match="token_bits must be 2 or 4, not"):
        folder.build(token_bits=wanted)
    assert not folder.index.exists()


def test_a_dry_run_counts_what_the_build_would_embed(folder: Folder) -> None:
    def edits() -> None:
        folder.write("c", id="c", text=TIDE)

    for options, edit in [
        ({"token_bits": 4}, None),
        ({}, edits),
        ({"token_bits": 2}, None),  # the texts of before are known by these, the edited are not
        ({"rebuild": True}, None),
        ({"embedder": WITHOUT_TOKENS}, None),
        ({"embedder": WITHOUT_TOKENS, "rebuild": True}, None),
        ({}, None),
    ]:
        if edit:
            edit()
        told = folder.build(dry_run=True, **options).embedded
        assert told == folder.build(**options).embedded, options


def test_a_dry_run_without_an_index_counts_all(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.write("a", id="a", text=TIDE)
    assert folder.build(dry_run=True, token_bits=4).embedded == 3
    assert not folder.index.exists()


def test_an_embedder_without_tokens_makes_an_index_without(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.write("a", id="a", text=TIDE)
    report = folder.build(embedder=WITHOUT_TOKENS)
    with Generation.open(folder.index) as generation:
        assert generation.tokens is None
        assert generation.manifest.counts.tokens == 0
        assert generation.lexical.search(["water"], 9)[1].tolist() == [0, 1]
    folder.write("b", id="b", text=TIDE)
    assert folder.build(embedder=WITHOUT_TOKENS, token_bits=4).embedded == 3
    assert folder.build(embedder=WITHOUT_TOKENS).generation != report.generation
    assert stored(folder.index)["tokens.codec"] == b""


def test_an_embedder_that_learns_to_tell_tokens_apart_embeds_anew(folder: Folder) -> None:
    """Its vectors may be as before, and so its fingerprint; without codes they are not enough."""
    for embedder, found, embedded in [
        (WITHOUT_TOKENS, None, 18),
        (EMBEDDER, 2, 0),
        (WITHOUT_TOKENS, None, 0),
    ]:
        report = folder.build(embedder=embedder)
        assert (counts(report), report.embedded) == ({"unchanged": 6}, embedded)
        assert bits(folder.index) == found
    fresh = folder.index.parent / "fresh"
    for embedder, found in [(WITHOUT_TOKENS, None), (EMBEDDER, 2)]:
        assert folder.build(fresh, embedder=embedder).embedded == 18
        assert bits(fresh) == found
    check_tokens_and_words(fresh)


def killed(batches, *, total, what):
    """A bar whose build is killed after two batches."""
    for done, batch in enumerate(batches):
        if what == "embedding passages" and done == 2:
            raise KeyboardInterrupt
        yield batch


def codec_in_cache(index: Path) -> bytes:
    with EmbeddingCache(index, fingerprint=EMBEDDER.fingerprint, dim=64) as cache:
        return cache.codecs()[0]


def test_a_killed_build_goes_on_with_its_codec(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(texts, "EMBEDDED_AT_ONCE", 4)
    monkeypatch.setattr(texts, "FITTED_TO", 4)
    folder = Folder(tmp_path)
    for name in "abcdef":
        folder.write(name, id=name, text=f"1. **First**: {name} one.\n\n2. **Second**: {name} two.")
    for number, options in enumerate([{}, {"token_bits": 4}]):
        with pytest.raises(KeyboardInterrupt):
            folder.build(progress=killed, **options)
        begun = codec_in_cache(folder.index)
        report = folder.build(**options)
        assert report.embedded == 18 - 2 * 4, number
        assert codec(folder.index).to_bytes() == begun
        check_tokens_and_words(folder.index)


def test_a_codec_is_fitted_to_a_sample_before_any_is_kept(tmp_path: Path, monkeypatch) -> None:
    """The bar moves meanwhile; what is killed before leaves no codec, and nothing half done."""
    monkeypatch.setattr(texts, "EMBEDDED_AT_ONCE", 4)
    monkeypatch.setattr(texts, "FITTED_TO", 12)
    folder = Folder(tmp_path)
    for name in "abcdef":
        folder.write(name, id=name, text=f"1. **First**: {name} one.\n\n2. **Second**: {name} two.")
    with pytest.raises(KeyboardInterrupt):
        folder.build(progress=killed)
    assert folder.build(dry_run=True).embedded == 18
    steps: list[int] = []

    def bar(batches, *, total, what):
        for batch in batches:
            if what == "embedding passages":
                steps.append(len(batch))
            yield batch

    assert folder.build(progress=bar).embedded == 18
    assert steps == [4, 4, 4, 4, 2]
    check_tokens_and_words(folder.index)


class Counting(TinyTokenEmbedder):
    """Notes what it was given."""

    def __init__(self) -> None:
        super().__init__(64)
        self.given: list[str] = []

    def embed_passage_tokens(self, texts: Sequence[str]) -> tuple[Vectors, list[Vectors]]:
        self.given += texts
        return super().embed_passage_tokens(texts)


def test_a_codec_is_fitted_to_the_same_texts_in_any_order(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(texts, "FITTED_TO", 5)
    codecs: list[bytes] = []
    for names in ("abcdef", "fedcba"):
        (tmp_path / names).mkdir()
        folder, embedder = Folder(tmp_path / names), Counting()
        for name in names:
            folder.write(name, id=name, text=f"1. **Sort**: {name} one.\n\n2. **Bee**: {name} two.")
        folder.build(embedder=embedder)
        assert len(embedder.given) == len({*embedder.given}) == 18
        codecs.append(codec(folder.index).to_bytes())
    assert codecs[0] == codecs[1]


def test_a_text_without_tokens_is_indexed(tmp_path: Path) -> None:
    articles = [
        Article(id="a", question="What is the?", answer="Of the."),
        Article(id="b", question="How does the tide rise?", answer="By the moon."),
    ]
    for chosen, found in ((articles[:1], None), (articles, 2)):
        Index.build(chosen, tmp_path / "index", embedder=EMBEDDER)
        assert bits(tmp_path / "index") == found
        with Generation.open(tmp_path / "index") as generation:
            assert generation.manifest.counts.articles == len(chosen)
    with Generation.open(tmp_path / "index") as generation:
        assert generation.tokens is not None
        assert generation.tokens.texts(0, 1)[1].tolist() == [0, 0]
        assert generation.tokens.texts(1, 2)[1].tolist() == [2, 2]


def test_accents_are_composed_before_they_are_coded(tmp_path: Path) -> None:
    files: list[dict[str, bytes]] = []
    for name, text in {"nfc": "A caf\u00e9 by the sea.", "nfd": "A cafe\u0301 by the sea."}.items():
        article = Article(id="a", question="Where is it?", answer=text)
        Index.build([article], tmp_path / name, embedder=EMBEDDER)
        files.append(stored(tmp_path / name))
    for file in ("tokens.npy", "tokens.codec", "vectors.npy", "lexical.tar"):
        assert files[0][file] == files[1][file]


class Wrong(TinyTokenEmbedder):
    """Returns tokens that are not what the protocol promises."""

    def __init__(self, change) -> None:
        super().__init__(64)
        self._change = change

    def embed_passage_tokens(self, texts: Sequence[str]) -> tuple[Vectors, list[Vectors]]:
        rows, tokens = super().embed_passage_tokens(texts)
        return rows, self._change(tokens)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tokens: tokens[:-1], "returned 17 arrays for the tokens of 18 texts"),
        (
            lambda tokens: [np.full_like(t, np.nan) for t in tokens],
            "token 0 of text 0, .* nan, not 1",
        ),
        (lambda tokens: [2 * t for t in tokens], "token 0 of text 0, .* of length 2, not 1"),
        (lambda tokens: [t[:, : n + 8] for n, t in enumerate(tokens)], "of shape"),
    ],
)
def test_tokens_that_are_no_unit_rows_are_refused(folder: Folder, change, message: str) -> None:
    before = stored(folder.index)
    (folder.index / "cache" / "embeddings.sqlite").unlink()
    with pytest.raises(EmbedderError, match=message):
        folder.build(embedder=Wrong(change), rebuild=True)
    assert stored(folder.index) == before
