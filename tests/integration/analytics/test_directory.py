"""A directory is the same to the job, whether the kernel or Hadoop finds it."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from tradestream.analytics.files import Directory
from tradestream.analytics.hadoop_directory import HadoopDirectory, directory
from tradestream.analytics.local_directory import LocalDirectory
from tradestream.errors import ConfigError


@pytest.fixture(params=["kernel", "hadoop"])
def place(request: pytest.FixtureRequest, spark: SparkSession, tmp_path: Path) -> Directory:
    if request.param == "kernel":
        return directory(spark, tmp_path.as_uri())
    return HadoopDirectory(spark, tmp_path.as_uri())


def test_the_kernel_is_asked_where_it_can_be(spark: SparkSession) -> None:
    assert isinstance(directory(spark, "file:///srv"), LocalDirectory)
    assert isinstance(directory(spark, "file:/srv"), HadoopDirectory)


def test_what_is_written_is_found(place: Directory) -> None:
    place.write("b", b"0123456789")
    place.write("a", b"")
    place.sync("a", "nothing")
    assert place.names() == place.files("") == ["a", "b"]
    assert (place.read("b"), place.edges("b", 4), place.edges("a", 4)) == (
        b"0123456789",
        (b"0123", b"6789"),
        (b"", b""),
    )
    assert place.path("b") == f"{place.uri}/b"


def test_what_is_not_there_is_empty_or_cannot_be_read(place: Directory) -> None:
    assert place.names("no") == place.files("no") == []
    for read in (place.read, lambda name: place.edges(name, 4)):
        with pytest.raises(OSError, match="no"):
            read("no")
    place.delete("no")


def test_a_file_is_moved_into_a_new_directory_once(place: Directory) -> None:
    place.write("new", b"1")
    place.move("new", "x/y/there")
    assert (place.names(), place.files("x")) == (["x"], ["y/there"])
    place.write("again", b"2")
    place.move("again", "x/y/there")
    assert (place.names(), place.read("x/y/there")) == (["x"], b"1")


def test_a_directory_is_deleted_with_all_in_it(place: Directory) -> None:
    place.write("file", b"")
    place.move("file", "x/y/file")
    place.delete("x")
    assert place.names() == []
    with place.locked():
        pass


def test_what_cannot_be_written_is_told(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    uri = (tmp_path / "file" / "below").as_uri()
    for place in (directory(spark, uri), HadoopDirectory(spark, uri)):
        with pytest.raises(ConfigError, match=r"file/below: cannot be written"):
            place.require_writable()
