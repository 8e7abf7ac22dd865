"""Pictures are shown as their authors see them, or refused by name."""

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from workbench.data.errors import SampleError
from workbench.data.pictures import Picture, picture_size, read_marks, read_picture

GREY = np.arange(0, 240, dtype=np.uint8).reshape(12, 20)
COLOUR = np.stack([GREY, GREY[::-1], 255 - GREY], axis=2)
TURNED = {  # how a picture has to be stored so that its orientation brings COLOUR back
    1: COLOUR,
    2: COLOUR[:, ::-1],
    3: COLOUR[::-1, ::-1],
    4: COLOUR[::-1],
    5: COLOUR.transpose(1, 0, 2),
    6: np.rot90(COLOUR, 1),
    7: COLOUR.transpose(1, 0, 2)[::-1, ::-1],
    8: np.rot90(COLOUR, -1),
}


def saved(folder: Path, image: Image.Image, name: str, **options: object) -> Path:
    image.save(folder / name, **options)
    return folder / name


def shown(folder: Path, image: Image.Image, name: str = "a.tif", **options: object) -> Picture:
    return read_picture(saved(folder, image, name, **options))


def is_grey(picture: Picture, values: NDArray[np.uint8] = GREY) -> bool:
    return bool((picture.pixels == values[:, :, None]).all())


def oriented(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif.tobytes()


@pytest.mark.parametrize("ending", ["png", "webp", "tif", "jpg"])
@pytest.mark.parametrize("orientation", TURNED)
def test_a_picture_is_shown_upright(tmp_path: Path, orientation: int, ending: str) -> None:
    stored = Image.fromarray(np.ascontiguousarray(TURNED[orientation]))
    options = {"lossless": True} if ending == "webp" else {"quality": 100, "subsampling": 0} if ending == "jpg" else {}
    path = saved(tmp_path, stored, f"a.{ending}", exif=oriented(orientation), **options)
    picture = read_picture(path, (20, 12))
    assert np.abs(picture.pixels.astype(int) - COLOUR).max() <= (12 if ending == "jpg" else 0)
    assert picture_size(path) == (12, 20)
    assert picture.size == (20, 12)
    assert bool(picture.notes) == (orientation != 1)


@pytest.mark.parametrize("orientation", [0, 9, 300])
def test_an_orientation_that_does_not_exist_turns_nothing(tmp_path: Path, orientation: int) -> None:
    found = shown(tmp_path, Image.fromarray(COLOUR), "a.png", exif=oriented(orientation))
    assert (found.pixels == COLOUR).all()


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow warns of what it skips
def test_a_picture_with_damaged_exif_data_is_shown(tmp_path: Path) -> None:
    found = shown(tmp_path, Image.fromarray(COLOUR), "a.png", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")
    assert (found.pixels == COLOUR).all()


def test_a_size_that_only_the_stored_picture_has_is_explained(tmp_path: Path) -> None:
    path = saved(tmp_path, Image.fromarray(np.ascontiguousarray(TURNED[6])), "a.png", exif=oriented(6))
    with pytest.raises(SampleError, match=r"image is 20x12 but its annotation says 12x20: .*EXIF orientation 6"):
        read_picture(path, (12, 20))
    plain = saved(tmp_path, Image.fromarray(COLOUR), "b.png")
    with pytest.raises(SampleError, match=r"width and height are exchanged, as by a turn of 90 degrees"):
        read_picture(plain, (12, 20))
    with pytest.raises(SampleError, match=r"image is 20x12 but its annotation says 20x13: \S+$"):
        read_picture(plain, (20, 13))


def test_sixteen_bits_are_scaled_in_every_byte_order_and_format(tmp_path: Path) -> None:
    deep = GREY.astype(np.uint16) * 257
    for name, image in {
        "a.png": Image.fromarray(deep),
        "a.tif": Image.fromarray(deep),
        "b.tif": Image.fromarray(deep.astype(">u2")),
        "a.pgm": Image.fromarray(deep.astype(np.int32)),
    }.items():
        found = shown(tmp_path, image, name)
        assert is_grey(found), name
        assert "scaled from 0..65535" in found.notes[0]


def test_a_pgm_is_scaled_from_its_own_maximum(tmp_path: Path) -> None:
    (tmp_path / "a.pgm").write_bytes(b"P5 3 1 1000\n" + struct.pack(">3H", 0, 500, 1000))
    assert read_picture(tmp_path / "a.pgm").pixels[0, :, 0].tolist() == [0, 128, 255]


def test_where_zero_is_white_deep_pixels_are_turned_round(tmp_path: Path) -> None:
    found = shown(tmp_path, Image.fromarray(GREY.astype(np.uint16) * 257), tiffinfo={262: 0})
    assert is_grey(found, 255 - GREY)


@pytest.mark.parametrize("factor", [1, 257])
@pytest.mark.parametrize("kind", [np.int32, np.float32])
def test_whole_numbers_in_32_bits_are_read_in_the_usual_ranges(
    tmp_path: Path, factor: int, kind: type[np.generic]
) -> None:
    assert is_grey(shown(tmp_path, Image.fromarray((GREY.astype(np.int64) * factor).astype(kind))))


def test_floats_from_0_to_1_are_scaled(tmp_path: Path) -> None:
    assert is_grey(shown(tmp_path, Image.fromarray(GREY.astype(np.float32) / 255)))


@pytest.mark.parametrize("values", [[0, 3.5], [-1, 1], [0, np.nan], [0, np.inf], [0, 1e30]])
def test_floats_without_a_usual_range_are_refused_by_name(tmp_path: Path, values: list[float]) -> None:
    with pytest.raises(SampleError, match="its float pixels go from"):
        shown(tmp_path, Image.fromarray(np.array([values], dtype=np.float32)))


@pytest.mark.parametrize("values", [[-5, 3], [0, 70_000], [0, 2**31 - 1]])
def test_32_bit_pixels_without_a_usual_range_are_refused_by_name(tmp_path: Path, values: list[int]) -> None:
    with pytest.raises(SampleError, match="its 32-bit pixels go from"):
        shown(tmp_path, Image.fromarray(np.array([values], dtype=np.int32)))


def test_transparent_parts_are_white_in_every_mode(tmp_path: Path) -> None:
    alpha = np.where(np.arange(20) < 10, 0, 255)[None].repeat(12, 0).astype(np.uint8)
    expected = np.where(alpha[:, :, None] == 0, 255, COLOUR)
    found = shown(tmp_path, Image.fromarray(np.dstack([COLOUR, alpha])), "a.png")
    assert (found.pixels == expected).all()
    assert found.notes == ("its transparent parts are shown white",)
    grey = shown(tmp_path, Image.fromarray(np.dstack([GREY, alpha])), "b.png")
    assert is_grey(grey, np.where(alpha == 0, 255, GREY))
    palette = Image.fromarray(np.array([[0, 1, 2]], dtype=np.uint8)).convert("P")
    palette.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    for name in ("c.png", "c.gif"):
        assert shown(tmp_path, palette, name, transparency=1).pixels.tolist() == [
            [[10, 20, 30], [255, 255, 255], [70, 80, 90]]
        ]


def test_an_alpha_channel_that_hides_nothing_changes_nothing(tmp_path: Path) -> None:
    found = shown(tmp_path, Image.fromarray(np.dstack([COLOUR, np.full_like(GREY, 255)])), "a.png")
    assert (found.pixels == COLOUR).all()
    assert found.notes == ()


def test_other_modes_show_the_same_colours(tmp_path: Path) -> None:
    image = Image.fromarray(COLOUR)
    assert (shown(tmp_path, image.convert("CMYK")).pixels == COLOUR).all()
    packed = {"compression": "tiff_lzw"}  # Pillow below 13 writes them without compression, but cannot read them
    assert np.abs(shown(tmp_path, image.convert("CMYK"), "a.jpg", quality=100).pixels.astype(int) - COLOUR).max() < 30
    assert np.abs(shown(tmp_path, image.convert("YCbCr"), **packed).pixels.astype(int) - COLOUR).max() < 4
    assert is_grey(shown(tmp_path, Image.fromarray(GREY), "a.bmp"))
    ink = shown(tmp_path, Image.fromarray(GREY > 100), "a.png")
    assert is_grey(ink, np.where(GREY > 100, 255, 0).astype(np.uint8))


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.png", "a.tif"])
def test_of_an_animation_the_first_picture_is_shown(tmp_path: Path, name: str) -> None:
    first, second = Image.new("RGB", (6, 4), (255, 0, 0)), Image.new("RGB", (6, 4), (0, 0, 255))
    options = {"lossless": True} if name.endswith("webp") else {}
    found = shown(tmp_path, first, name, save_all=True, append_images=[second], **options)
    assert (found.pixels == [255, 0, 0]).all()
    assert found.notes == ("the first of its pictures is shown",)


def png(width: int, height: int, data: bytes, bits: int = 8, colour: int = 0) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.filterwarnings("ignore:Image size")
@pytest.mark.parametrize(("width", "height"), [(13_300, 13_300), (2**31 - 1, 2), (2**27 + 1, 1), (12_000, 11_200)])
def test_a_huge_picture_is_refused_by_its_header(tmp_path: Path, width: int, height: int) -> None:
    (tmp_path / "a.png").write_bytes(png(width, height, b"these are no pixels"))
    with pytest.raises(SampleError, match=r"pixels; at most 134217728|exceeds limit"):
        read_picture(tmp_path / "a.png")
    with pytest.raises(SampleError, match=r"a.png"):
        picture_size(tmp_path / "a.png")


def test_a_picture_of_another_size_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(9000, 9000, b"these are no pixels"))
    with pytest.raises(SampleError, match="image is 9000x9000 but its annotation says 90x90"):
        read_picture(tmp_path / "a.png", (90, 90))


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow warns of what it skips
def test_every_cut_and_every_changed_byte_gives_a_picture_or_a_named_refusal(tmp_path: Path) -> None:
    chance = np.random.default_rng(3)
    for ending in ("png", "jpg", "webp", "tif", "bmp", "gif", "ppm"):
        buffer = io.BytesIO()
        Image.fromarray(COLOUR).save(buffer, {"jpg": "JPEG", "tif": "TIFF"}.get(ending, ending))
        whole = buffer.getvalue()
        path = tmp_path / f"a.{ending}"
        for _ in range(150):
            content = bytearray(whole)
            for _ in range(chance.integers(1, 4)):
                content[chance.integers(len(content))] = chance.integers(256)
            path.write_bytes(content[: chance.integers(len(content))] if chance.random() < 0.3 else content)
            try:
                assert read_picture(path, (20, 12)).pixels.shape == (12, 20, 3)
            except SampleError as error:
                assert path.name in str(error)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "the file is empty"),
        (b"\0" * 100, "got none of them"),
        (b"GIF", "got none of them"),
        (b"\0\0\0\x1cftypavif" + b"\0" * 50, "got AVIF, which is not read"),
        (b"\0\0\0\x18ftypheic" + b"\0" * 50, "got HEIC"),
        (b"\0\0\0\x0cjP  \r\n\x87\n" + b"\0" * 50, "got JPEG 2000"),
        (b"%PDF-1.4", "got PDF"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "got PostScript"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "got SVG"),
    ],
)
def test_other_files_are_refused_by_name(tmp_path: Path, content: bytes, problem: str) -> None:
    (tmp_path / "a.png").write_bytes(content)
    for read in (read_picture, picture_size, read_marks):
        with pytest.raises(SampleError, match=f"image cannot be read: .*a.png: .*{problem}"):
            read(tmp_path / "a.png")


def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, problem in (
        (tmp_path / "pipe", "it is a pipe"),
        (tmp_path, "it is a folder"),
        (Path("/dev/zero"), "it is a device"),
        (tmp_path / "none.png", "image not found"),
        (Path("a\0b"), "null"),
    ):
        with pytest.raises(SampleError, match=problem):
            read_picture(path)


def test_a_draft_has_the_size_of_the_whole_picture(tmp_path: Path) -> None:
    path = saved(tmp_path, Image.new("RGB", (800, 400), "red"), "a.jpg", exif=oriented(6))
    picture = read_picture(path, draft=100)
    assert picture.size == (400, 800)
    assert picture.pixels.shape[0] < 800


def test_marks_of_any_depth_count(tmp_path: Path) -> None:
    marked = np.zeros((4, 6), dtype=bool)
    marked[1, 2:5] = True
    for name, image in {
        "a.png": Image.fromarray(marked.astype(np.uint16)),
        "b.png": Image.fromarray(marked.astype(np.uint8)),
        "c.png": Image.fromarray(
            np.dstack([marked.astype(np.uint8) * 0, marked.astype(np.uint8), marked * np.uint8(0)])
        ),
        "d.tif": Image.fromarray(marked.astype(np.float32) * 1e-3),
        "e.png": Image.fromarray(marked),
    }.items():
        assert (read_marks(saved(tmp_path, image, name)) == marked).all(), name
    turned = saved(tmp_path, Image.fromarray(np.rot90(marked, 1).astype(np.uint8)), "f.png", exif=oriented(6))
    assert (read_marks(turned) == marked).all()
