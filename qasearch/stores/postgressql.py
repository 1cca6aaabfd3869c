"""The statements of the PostgreSQL store. ``{schema}`` is a generation's, ``{home}`` the store's.

Where ``WHERE TRUE`` stands, a filter may be put.
"""

from typing import Final

HOME: Final = """
CREATE SCHEMA IF NOT EXISTS {home};
CREATE TABLE IF NOT EXISTS {home}.answering (number bigint NOT NULL)
"""

CREATE: Final = """
CREATE SCHEMA {schema};
CREATE TABLE {schema}.about (text text NOT NULL);
CREATE TABLE {schema}.articles (
    row bigint PRIMARY KEY, id text NOT NULL UNIQUE, digest text NOT NULL, lot bigint NOT NULL,
    day bigint NOT NULL, subjects text[] NOT NULL, labels text[] NOT NULL,
    passages integer NOT NULL, question vector(DIM) NOT NULL, codes bytea NOT NULL,
    record bytea NOT NULL
);
CREATE TABLE {schema}.passages (
    row bigint PRIMARY KEY, article bigint NOT NULL, day bigint NOT NULL, subjects text[] NOT NULL,
    vector vector(DIM) NOT NULL, codes bytea NOT NULL, point boolean NOT NULL,
    words tsvector NOT NULL, length integer NOT NULL
);
CREATE INDEX passages_of ON {schema}.passages (article);
CREATE TABLE {schema}.words (term text PRIMARY KEY, passages integer NOT NULL)
"""
"""``DIM`` is the length of the vectors."""

CARRY: Final = """
INSERT INTO {schema}.articles SELECT * FROM {source}.articles;
INSERT INTO {schema}.passages SELECT * FROM {source}.passages
"""

COPY_ARTICLES: Final = """
COPY {schema}.articles
(row, id, digest, lot, day, subjects, labels, passages, question, codes, record) FROM STDIN
"""

COPY_PASSAGES: Final = """
COPY {schema}.passages
(row, article, day, subjects, vector, codes, point, words, length) FROM STDIN
"""

FINISH: Final = """
CREATE INDEX IF NOT EXISTS articles_by_lot ON {schema}.articles (lot);
CREATE INDEX IF NOT EXISTS passages_by_word ON {schema}.passages USING gin (words);
CREATE INDEX IF NOT EXISTS passages_by_subject ON {schema}.passages USING gin (subjects);
CREATE INDEX IF NOT EXISTS passages_by_day ON {schema}.passages (day);
TRUNCATE {schema}.words;
INSERT INTO {schema}.words
SELECT lexeme, count(*) FROM {schema}.passages, unnest(words) GROUP BY lexeme
"""

GRAPH: Final = """
CREATE INDEX IF NOT EXISTS passages_by_vector ON {schema}.passages
USING hnsw (vector vector_ip_ops) WITH (m = 16, ef_construction = 64)
"""

SWITCH: Final = """
WITH gone AS (DELETE FROM {home}.answering) INSERT INTO {home}.answering VALUES (%(number)s)
"""

SIZE: Final = """
SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname = %(name)s
"""

ALL: Final = "SELECT row, id, digest, labels FROM {schema}.articles"

NEAR: Final = """
SELECT -(vector <#> %(vector)s), row FROM {schema}.passages WHERE TRUE
ORDER BY vector <#> %(vector)s LIMIT %(k)s
"""

NEAR_ARTICLES: Final = """
SELECT score, row FROM (
    SELECT DISTINCT ON (article) -(vector <#> %(vector)s) AS score, row FROM {schema}.passages
    WHERE TRUE ORDER BY article, vector <#> %(vector)s, row
) best ORDER BY score DESC, row LIMIT %(k)s
"""
"""Compares all passages that the filter leaves: exact, and of a time that grows with them."""

NEAR_QUESTIONS: Final = """
SELECT row FROM {schema}.articles ORDER BY question <#> %(vector)s LIMIT %(k)s
"""

_SCORED: Final = """
WITH asked AS (
    SELECT * FROM unnest(%(terms)s::text[], %(weights)s::float8[]) AS asked (term, weight)
), usual AS (
    SELECT greatest(avg(length), 1) AS length FROM {schema}.passages
)
SELECT sum(
    asked.weight * 2.2 * cardinality(said.positions)
    / (cardinality(said.positions) + 1.2 * (0.25 + 0.75 * passages.length / usual.length))
)::float4 AS score, passages.row, passages.article
FROM {schema}.passages CROSS JOIN usual CROSS JOIN LATERAL unnest(words) AS said
JOIN asked ON asked.term = said.lexeme
WHERE TRUE AND words @@ %(query)s::tsquery
GROUP BY passages.row, passages.article
"""
"""BM25 with k1 = 1.2 and b = 0.75."""

WORDED: Final = f"SELECT score, row FROM ({_SCORED}) scored ORDER BY score DESC, row LIMIT %(k)s"

WORDED_ARTICLES: Final = f"""
SELECT score, row FROM (
    SELECT DISTINCT ON (article) score, row FROM ({_SCORED}) scored
    ORDER BY article, score DESC, row
) best ORDER BY score DESC, row LIMIT %(k)s
"""
