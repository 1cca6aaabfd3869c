"""Files in, articles out: found, read, merged and split."""

from qasearch.ingest.changes import Changes, find_changes
from qasearch.ingest.duplicates import merge
from qasearch.ingest.files import EXTENSIONS, SourceFile, find_files
from qasearch.ingest.processes import in_processes
from qasearch.ingest.read import FileReading, read_articles, read_file
from qasearch.ingest.shelf import Place, Shelf, Spool, pack
from qasearch.ingest.split import split, split_all, split_article
from qasearch.ingest.texts import joined_text, passage_text, question_text
from qasearch.ingest.watch import watch_files

__all__ = [
    "EXTENSIONS",
    "Changes",
    "FileReading",
    "Place",
    "Shelf",
    "SourceFile",
    "Spool",
    "find_changes",
    "find_files",
    "in_processes",
    "joined_text",
    "merge",
    "pack",
    "passage_text",
    "question_text",
    "read_articles",
    "read_file",
    "split",
    "split_all",
    "split_article",
    "watch_files",
]
