"""Pictures for tests, from the standard library alone."""
import base64
import struct
import zlib

# 48 × 32 pixels, a chequered gradient.
JPEG = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZGNywtQFdBRkxOUlNSMj5aYVpQYEpRUk//2wBDAQ4ODhMREyYVFSZPNS01T09PT0"
    "9PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT0//wAARCAAgADADASIAAhEBAxEB/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUF"
    "BAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmq"
    "KjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/8QAHwEAAwEBAQEBAQEBAQAAAAAAAAECAwQFBgcICQoL/8QAtREAAgECBAQDBAcFBAQAAQJ3AAEC"
    "AxEEBSExBhJBUQdhcRMiMoEIFEKRobHBCSMzUvAVYnLRChYkNOEl8RcYGRomJygpKjU2Nzg5OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6goOEhYaHiImKkpOUlZaXmJmaoqOkpaanqK"
    "mqsrO0tba3uLm6wsPExcbHyMnK0tPU1dbX2Nna4uPk5ebn6Onq8vP09fb3+Pn6/9oADAMBAAIRAxEAPwDz5Lb2rVS29q0EtvaoEtvau6Vf+zP73N8rW+/uc9DE85npbe1ayW3tV9Lb2qFLb2rnlX/s"
    "z+9zfK1vv7nr0MTzmelt7Vqpbe1aCW3tUCW3tXPKv/Zn97m+Vrff3PWoYnnKSW3tWqlt7VoJbe1QJbe1c0q/9mf3ub5Wt9/c/M6GJ5yglt7Vqpbe1aCW3tUCW3tWEq/9mf3ub5Wt9/c9ehiecz0tva"
    "tZLb2q+lt7VClt7Vzyr/2Z/e5vla339z16GJ5z/9k="
)


def png_chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_file(width, height, pixel_data):
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)  # 8 bits, RGB
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", pixel_data) + png_chunk(b"IEND", b"")


def png(width=96, height=64, pixel=lambda x, y: (x * 2 % 256, y * 3 % 256, 128)):
    rows = b"".join(b"\0" + bytes(value for x in range(width) for value in pixel(x, y)) for y in range(height))
    return png_file(width, height, zlib.compress(rows, 9))


def stripes(width=96, height=64):
    return png(width, height, lambda x, y: (255, 255, 255) if x // 8 % 2 else (0, 0, 0))


def discs(width=96, height=64):
    return png(width, height, lambda x, y: (200, 30, 30) if (x % 32 - 16) ** 2 + (y % 32 - 16) ** 2 < 120 else (20, 40, 90))


def bomb(width, height, unfolded):
    """A file whose pixel data unfolds to far more than its header says."""
    packer = zlib.compressobj(9)
    block = b"\0" * (1 << 20)
    return png_file(width, height, b"".join(packer.compress(block) for _ in range(unfolded >> 20)) + packer.flush())


def data_url(file, kind="image/png"):
    return f"data:{kind};base64,{base64.b64encode(file).decode()}"
