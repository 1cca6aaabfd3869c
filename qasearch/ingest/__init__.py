"""Files in, articles out: found, read, merged and split."""

from qasearch.ingest.duplicates import merge
from qasearch.ingest.files import EXTENSIONS, SourceFile, find_files
from qasearch.ingest.read import FileReading, read_articles, read_file
from qasearch.ingest.split import SPLITTER_VERSION, split, split_article
from qasearch.ingest.texts import passage_text, question_text

__all__ = [
    "EXTENSIONS",
    "SPLITTER_VERSION",
    "FileReading",
    "SourceFile",
    "find_files",
    "merge",
    "passage_text",
    "question_text",
    "read_articles",
    "read_file",
    "split",
    "split_article",
]
