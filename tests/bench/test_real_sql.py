"""The reader of SQL dumps: the dialects' literals, and what it must pass over."""

from __future__ import annotations

import datetime

import pyarrow as pa
import pytest

from bench.real import build, sql


def test_mysql_dump() -> None:
    dump = sql.read(
        """
        -- it's a comment, with a quote
        /*!40101 SET NAMES utf8 */;
        CREATE TABLE IF NOT EXISTS `shop`.`client` (
          `id` int(11) NOT NULL AUTO_INCREMENT COMMENT 'the ; number, (counted)',
          `nom` varchar(20) DEFAULT 'x, y',
          `solde` decimal(8,2),
          PRIMARY KEY (`id`), KEY `n` (`nom`(5))
        ) ENGINE=InnoDB;
        INSERT INTO `client` VALUES (1,'d\\'Or; ) (', -3.50),(2,'l''eau\\n',NULL), (3,"deux",0x41);
        INSERT IGNORE INTO `client` (`nom`, `id`) VALUES (_utf8mb4'seul', 4);
        """
    )
    assert dump["client"].columns == ["id", "nom", "solde"]
    assert dump["client"].rows == [
        [1, "d'Or; ) (", -3.5],
        [2, "l'eau\n", None],
        [3, "deux", "0x41"],
        [4, "seul", None],
    ]
    assert dump["client"].types["nom"].startswith("varchar")
    assert dump["client"].auto == {"id"}


def test_backslash_is_a_letter_outside_mysql() -> None:
    dump = sql.read("CREATE TABLE t (a text, b text); INSERT INTO t VALUES ('c:\\', 'd');")
    assert dump["t"].rows == [["c:\\", "d"]]


def test_postgresql_copy() -> None:
    dump = sql.read(
        'CREATE TABLE public."Person" (id integer, "full name" text, born date);\n'
        'COPY public."Person" (id, "full name", born) FROM stdin;\n'
        "1\tAnn\\tB; 'x'\t1990-01-02\n2\t\\N\t\\N\n\\.\n"
        "INSERT INTO public.\"Person\" VALUES (3, E'C' || 'D', '1991-02-03'::date);\n"
    )
    assert dump["Person"].rows == [
        ["1", "Ann\tB; 'x'", "1990-01-02"],
        ["2", None, None],
        [3, "CD", "1991-02-03"],
    ]
    table = build.typed(dump["Person"])
    assert table.schema.types == [pa.int64(), pa.string(), pa.date32()]
    assert table["born"].to_pylist()[0] == datetime.date(1990, 1, 2)


def test_oracle_and_sql_server() -> None:
    dump = sql.read(
        """
        Prompt ****** don't stop
        BEGIN
          INSERT INTO hr.staff VALUES ( 100 , 'King' , TO_DATE('17-06-2013','dd-MM-yyyy') , +5 );
        END;
        /
        CREATE TABLE [dbo].[Student] ([Id] [int] IDENTITY(1,1) NOT NULL, [Full Name] [nvarchar](9),
          CONSTRAINT [PK] PRIMARY KEY CLUSTERED ([Id] ASC))
        GO
        INSERT [dbo].[Student] ([Full Name]) VALUES (N'Ünal')
        INSERT INTO Student VALUES (CAST(N'Öz' AS nvarchar(9)))
        GO
        """
    )
    assert dump["staff"].rows == [[100, "King", "17-06-2013", 5]]
    assert dump["staff"].columns == ["column1", "column2", "column3", "column4"]
    assert dump["Student"].rows == [[None, "Ünal"], [None, "Öz"]]
    assert build.typed(dump["Student"]).to_pydict() == {
        "Id": [1, 2],
        "Full Name": ["Ünal", "Öz"],
    }


@pytest.mark.parametrize(
    "noise",
    [
        "CREATE RULE r AS ON INSERT TO t DO INSTEAD INSERT INTO u (a) VALUES (new.a);",
        "CREATE FUNCTION f() RETURNS int AS $$ INSERT INTO t VALUES (9); $$ LANGUAGE sql;",
        "INSERT INTO t SELECT * FROM u;",
        "INSERT INTO t (a, b, c) VALUES (1);",
        "INSERT INTO t VALUES (now());",
    ],
)
def test_what_is_no_data_is_passed_over(noise: str) -> None:
    text = f"CREATE TABLE t (a int);\n{noise}\nINSERT INTO t VALUES (1);"
    assert sql.read(text)["t"].rows == [[1]]


def test_rows_are_capped() -> None:
    text = "INSERT INTO t (a) VALUES " + ",".join(f"({i})" for i in range(50)) + ";"
    assert len(sql.read(text, limit=20)["t"].rows) == 20


def test_a_declared_type_that_does_not_hold_is_text() -> None:
    dump = sql.read("CREATE TABLE t (a date, b int); INSERT INTO t VALUES ('0000-00-00', 'x');")
    assert build.typed(dump["t"]).to_pydict() == {"a": ["0000-00-00"], "b": ["x"]}


@pytest.mark.parametrize(
    "text", ["", "INSERT INTO", "INSERT INTO t VALUES (1, 'open", "'", "COPY t"]
)
def test_cut_off_dumps_end(text: str) -> None:
    assert all(not table.rows for table in sql.read(text).values())
