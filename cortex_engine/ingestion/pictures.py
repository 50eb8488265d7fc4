"""Pages as pictures: drawn, described, embedded by look and by words."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cortex_engine.core import identifiers
from cortex_engine.core.app import IngestOptions
from cortex_engine.core.catalog import BlobStore, Catalog
from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.core.documents import Page, PagePicture
from cortex_engine.core.errors import ModelUnavailableError, NotFoundError, UsageError
from cortex_engine.core.pictures import DRAWN, DescribedBy, ModelInput, Picture, PreparedPicture, VectorName
from cortex_engine.core.protocols import DocumentParser, Embedder, MultimodalEmbedder, PictureDescriber
from cortex_engine.ingestion.picture_plan import Missing, Original, Remarks, as_drawn, cut, draw, plan

_log = logging.getLogger(__name__)

AT_ONCE = 8
"""Pictures that are drawn and embedded together."""
BEFORE_COMMIT = 16
"""So many pictures are committed with their vectors; those of longer documents follow at once, in small steps, so that
their text is found meanwhile and little is lost when the process dies."""
_LOOKED_AT = 100
"""Documents of each model that are looked at first for something to embed; more where none of them has anything."""
_DESCRIBERS = 2
"""Pictures that are described at the same time."""

_AS_SET = IngestOptions()

_Vectors = dict[str, dict[VectorName, NDArray[np.float32]]]


def _any_model(spec: EmbeddingSpec) -> bool:  # noqa: ARG001
    return True


class PictureLine:
    """Gives documents their pictures.

    Args:
        catalog: where they are kept.
        blobs: the originals.
        parser_for: what draws, as a job's options ask.
        embedder_for: the model of a spec.
        describer: what describes pictures in words when asked, or None.
        describe: ask it for every new picture.
        page_pictures: draw pages of documents, not only picture files.
    """

    def __init__(
        self,
        catalog: Catalog,
        blobs: BlobStore,
        parser_for: Callable[[IngestOptions], DocumentParser],
        embedder_for: Callable[[EmbeddingSpec], Embedder],
        describer: PictureDescriber | None = None,
        describe: bool = False,
        page_pictures: bool = True,
    ) -> None:
        self._catalog = catalog
        self._blobs = blobs
        self._parser_for = parser_for
        self._embedder_for = embedder_for
        self._describer = describer
        self._describe = describe and describer is not None
        self._page_pictures = page_pictures

    def wanted(self, media_type: str, spec: EmbeddingSpec, options: IngestOptions = _AS_SET) -> bool:
        """Whether documents of this type get pictures for this model."""
        pages = self._page_pictures if options.page_pictures is None else options.page_pictures
        return spec.sees and media_type in DRAWN and (pages or media_type == "image")

    def prepare(
        self, original: Original, pages: Sequence[Page], spec: EmbeddingSpec, remarks: Remarks
    ) -> list[PreparedPicture]:
        """The pictures of a document that is about to be committed, the first of them with their vectors.

        Where the model is absent (also when `remarks` says so before) all of them wait.
        """
        planned = plan(original.document_id, original.media_type, pages, spec)
        known = {picture.id: picture for picture in self._catalog.pictures([original.document_id])}
        missing = [(picture, names) for picture in planned if (names := self._missing(picture, known, spec.id))]
        ready: dict[str, PreparedPicture] = {}
        try:
            for start in range(0, 0 if remarks.absent else min(len(missing), BEFORE_COMMIT), AT_ONCE):
                part = dict(missing[start : start + AT_ONCE])
                ready |= {each.picture.id: each for each in self._complete(original, part, spec, remarks)}
        except ModelUnavailableError as error:
            remarks.wait(error)
        kept = [picture for picture in planned if picture.id not in remarks.lost]
        return [ready.get(picture.id, PreparedPicture(picture)) for picture in kept]

    def follow(self, document_ids: Sequence[str] | None, remarks: Remarks) -> None:
        """Draw and embed everything that these documents (None for all) still lack; absence of the model is remarked."""
        self.draw_missing(document_ids)
        try:
            while self.fill(_any_model, document_ids, remarks):
                pass
        except ModelUnavailableError as error:
            remarks.wait(error)

    def draw_again(self, document_id: str, spec: EmbeddingSpec, options: IngestOptions) -> None:
        """A document is taken in again: where it has no pictures, and they are wanted now, it gets them."""
        if not self._catalog.pictures([document_id]):
            self._plan_again(document_id, spec, options)

    def draw_missing(self, document_ids: Sequence[str] | None = None) -> int:
        """Find out which pictures documents have that joined a collection that sees; returns how many documents."""
        done = 0
        while found := self._catalog.undrawn(DRAWN, document_ids=document_ids):
            # Of two models the one that takes more pixels decides; the other scales the drawing down by itself.
            specs = dict(sorted(found, key=lambda each: each[1].max_pixels))
            for document_id, spec in specs.items():
                try:
                    self._plan_again(document_id, spec, _AS_SET)
                except NotFoundError:
                    _log.info("the document %s was deleted before it was drawn", document_id)
                done += 1
        return done

    def _plan_again(self, document_id: str, spec: EmbeddingSpec, options: IngestOptions) -> None:
        """Note which pictures a document of the catalog has; none where they are not wanted."""
        media_type = self._catalog.document(document_id).info.media_type
        pictures: list[Picture] = []
        if self.wanted(media_type, spec, options):
            pictures = plan(document_id, media_type, self._catalog.pages(document_id), spec)
        self._catalog.add_pictures(document_id, pictures)

    def fill(
        self,
        ready: Callable[[EmbeddingSpec], bool] = _any_model,
        document_ids: Sequence[str] | None = None,
        remarks: Remarks | None = None,
        model_id: str = "",
        passed: set[str] | None = None,
    ) -> int:
        """Embed a few pictures that wait for a model that is ready; returns how many, 0 when there are none.

        A document whose original is gone is passed over (the doctor names it).

        Args:
            model_id: only for this model; "" for all.
            passed: ids of pictures that are not tried; those that cannot be drawn or embedded are added to it. Without it
                they are removed: where another model's vectors are in use, they have to stay.

        Raises:
            ModelUnavailableError: the model (still) cannot be loaded.
        """
        seen: set[tuple[str, str]] = set()
        limit = _LOOKED_AT
        while True:
            found = self._catalog.waiting_pictures(limit, document_ids, model_id)
            fresh = [each for each in found if (each.document_id, each.model_id) not in seen]
            for waiting in fresh:
                seen.add((waiting.document_id, waiting.model_id))
                spec = self._catalog.spec(waiting.model_id)
                missing = [each for each in waiting.missing.items() if each[0].id not in (passed or ())]
                if not ready(spec) or not missing:
                    continue
                if done := self._fill_some(waiting.document_id, dict(missing[:AT_ONCE]), spec, remarks, passed):
                    return done
            if not fresh:
                return 0
            limit *= 4

    def _fill_some(
        self, document_id: str, missing: Missing, spec: EmbeddingSpec, remarks: Remarks | None, passed: set[str] | None
    ) -> int:
        """Embed these pictures of a document; 0 where it or its original is gone."""
        try:
            document = self._catalog.document(document_id)
            path = self._blobs.path(document.sha256)
            original = Original(document.id, document.name, path, document.info.media_type, self._parser_for(_AS_SET))
            self._fill(original, missing, spec, remarks or Remarks(), passed)
        except NotFoundError as error:  # it may also be deleted while its pictures are embedded
            _log.warning("pictures wait: %s", error)
            return 0
        return len(missing)

    def describe(self, document_id: str) -> int:
        """Have the pictures of a document described that are not yet; returns how many were.

        Raises:
            ModelUnavailableError: there is no endpoint, or it fails; what it described before that is kept.
            UsageError: the document has no pictures.
            ParseError: a page cannot be drawn.
        """
        document = self._catalog.document(document_id)
        pictures = self._catalog.pictures([document_id])
        if not pictures:
            raise UsageError(
                f"'{document.name}' has no pictures to describe. Pictures are kept in collections whose model sees them."
            )
        if self._describer is None:
            raise ModelUnavailableError(
                "There is no vision model to describe pictures. Set RUNPOD_API_BASE to the address of an OpenAI-compatible "
                "endpoint (it ends in /v1) and RUNPOD_API_KEY to its key."
            )
        path = self._blobs.path(document.sha256)
        original = Original(document.id, document.name, path, document.info.media_type, self._parser_for(_AS_SET))
        waiting = [picture for picture in pictures if picture.described_by is not DescribedBy.MODEL]
        for picture in waiting:
            drawn = original.draw(picture)
            text = self._describer.describe(drawn.data, drawn.mime)
            self._catalog.describe_picture(picture.id, text, DescribedBy.MODEL)
        return len(waiting)

    def _missing(self, picture: Picture, known: Mapping[str, Picture], model_id: str) -> tuple[VectorName, ...]:
        """Names of the vectors that a picture needs and that were not made when the document was read before."""
        wanted = [VectorName.PICTURE, *([VectorName.DESCRIPTION] if picture.description else [])]
        before = known.get(picture.id)
        if before is None:
            return tuple(wanted)
        generated = before.described_by is DescribedBy.MODEL
        stays = {
            VectorName.PICTURE: (before.width, before.height) == (picture.width, picture.height),
            VectorName.DESCRIPTION: generated or before.description == picture.description,
        }
        return tuple(
            name
            for name in wanted
            if not (stays[name] and self._catalog.picture_vector(model_id, name, picture.id) is not None)
        )

    def _fill(
        self, original: Original, missing: Missing, spec: EmbeddingSpec, remarks: Remarks, passed: set[str] | None
    ) -> None:
        prepared = self._complete(original, missing, spec, remarks)
        asked = {picture.id: picture for picture in missing}
        changed = [each.picture for each in prepared if each.picture != asked[each.picture.id]]
        if changed:
            self._catalog.add_pictures(original.document_id, changed)
        # Somebody may have changed a description meanwhile; the vector of the former one is not kept then.
        texts = {picture.id: picture.description for picture in self._catalog.pictures([original.document_id])}
        vectors = {}
        for each in prepared:
            named = dict(each.vectors.get(spec.id, {}))
            if texts.get(each.picture.id) != each.picture.description:
                named.pop(VectorName.DESCRIPTION, None)
            vectors[each.picture.id] = named
        self._catalog.add_picture_vectors(spec.id, vectors)
        if lost := [picture_id for picture_id in asked if picture_id in remarks.lost]:
            if passed is None:
                self._catalog.drop_pictures(lost)
            else:
                passed.update(lost)
            _log.warning("pictures of %s are left out: %s", original.name, "; ".join(remarks.lost.values()))

    def _complete(
        self, original: Original, missing: Missing, spec: EmbeddingSpec, remarks: Remarks
    ) -> list[PreparedPicture]:
        """Draw, describe and embed; what cannot be is among the lost.

        Raises:
            ModelUnavailableError: the model cannot be loaded.
        """
        drawn = draw(original, missing, remarks)
        pictures = self._described(as_drawn(missing, drawn, remarks), drawn, original.media_type, remarks)
        vectors: _Vectors = {picture.id: {} for picture in pictures}
        seen = [(picture, drawn[picture.id]) for picture in pictures if picture.id in drawn]
        self._add_looks(seen, spec, vectors, remarks)
        asked = {picture.id: (picture.description, names) for picture, names in missing.items()}
        described = []
        for picture in pictures:
            before, names = asked[picture.id]
            if picture.description and (VectorName.DESCRIPTION in names or picture.description != before):
                described.append(picture)
        self._add_words(described, spec, vectors)
        kept = [picture for picture in pictures if picture.id not in remarks.lost]
        return [PreparedPicture(picture, {spec.id: vectors[picture.id]}) for picture in kept]

    def _described(
        self, pictures: Sequence[Picture], drawn: Mapping[str, PagePicture], media_type: str, remarks: Remarks
    ) -> list[Picture]:
        """The pictures with generated descriptions, where they are asked for: of picture files, and of pages without text."""
        describer = self._describer
        if not self._describe or describer is None:
            return list(pictures)
        chosen = [
            picture
            for picture in pictures
            if picture.id in drawn
            and picture.described_by is not DescribedBy.MODEL
            and (media_type == "image" or not picture.description)
        ]

        def ask(picture: Picture) -> Picture:
            page = drawn[picture.id]
            return replace(
                picture, description=describer.describe(page.data, page.mime), described_by=DescribedBy.MODEL
            )

        told: dict[str, Picture] = {}
        with ThreadPoolExecutor(_DESCRIBERS, thread_name_prefix="describe") as pool:
            for picture, future in [(picture, pool.submit(ask, picture)) for picture in chosen]:
                try:
                    told[picture.id] = future.result()
                except ModelUnavailableError as error:
                    sentence = (
                        f"The pictures were not described: {error} Meanwhile the text in them serves; `cortex pictures describe` "
                        "asks again."
                    )
                    if sentence not in remarks.sentences:
                        remarks.sentences.append(sentence)
        return [told.get(picture.id, picture) for picture in pictures]

    def _add_looks(
        self,
        drawn: Sequence[tuple[Picture, PagePicture]],
        spec: EmbeddingSpec,
        vectors: _Vectors,
        remarks: Remarks,
    ) -> None:
        """Embed pictures; one that the model cannot take is found by trying them one by one."""
        if not drawn:
            return
        embedder = self._embedder_for(spec)
        if not isinstance(embedder, MultimodalEmbedder):
            raise ModelUnavailableError(f"'{spec.model}' is to embed pictures, but its backend here reads text only.")
        try:
            matrix = embedder.embed_inputs([ModelInput(images=(page.data,)) for _, page in drawn])
        except UsageError as error:
            if len(drawn) > 1:
                for one in drawn:
                    self._add_looks([one], spec, vectors, remarks)
                return
            picture = drawn[0][0]
            remarks.lost[picture.id] = f"Page {picture.page} is not searched by its look: {error}"
            return
        for (picture, _), vector in zip(drawn, matrix, strict=True):
            vectors[picture.id][VectorName.PICTURE] = vector

    def _add_words(self, pictures: Sequence[Picture], spec: EmbeddingSpec, vectors: _Vectors) -> None:
        """Embed descriptions; a text that is a passage already has its vector."""
        if not pictures:
            return
        embedder = self._embedder_for(spec)
        texts = [cut(picture.description, embedder, spec.max_tokens) for picture in pictures]
        hashes = [identifiers.text_hash(text) for text in texts]
        known = self._catalog.known_vectors(spec.id, hashes)
        fresh = {key: text for key, text in zip(hashes, texts, strict=True) if key not in known}
        made = dict(zip(fresh, embedder.embed_documents(list(fresh.values())), strict=True)) if fresh else {}
        for picture, key in zip(pictures, hashes, strict=True):
            vector = made[key] if key in made else np.frombuffer(known[key], dtype=np.float32)
            vectors[picture.id][VectorName.DESCRIPTION] = vector
