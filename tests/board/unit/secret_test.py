# SPDX-License-Identifier: Apache-2.0
"""Copies of a secret are found wherever they lie; what is no copy is not."""

import os
import tempfile
import unittest
from collections.abc import Iterator

from redoubt_board import secret
from redoubt_board.secret import SIZE, Copy, MemoryFile, Scanner, expand, is_whole

SEED = 0x0123456789abcdef
OTHER = 0xfedcba9876543210


class Bytes:
    def __init__(self, *ranges: tuple[int, bytes]):
        self._ranges = ranges

    def ranges(self) -> Iterator[tuple[int, int]]:
        for start, data in self._ranges:
            yield start, start + len(data)

    def read(self, start: int, end: int) -> bytes:
        for first, data in self._ranges:
            if first <= start and end <= first + len(data):
                return data[start - first:end - first]
        raise AssertionError("read outside of the ranges")


class SecretTest(unittest.TestCase):
    def setUp(self):
        self.scanner = Scanner()
        self.scanner.learn(SEED)
        self.whole = expand(SEED)

    def scan(self, data: bytes, start: int = 0) -> list[Copy]:
        return self.scanner.scan(Bytes((start, data)))

    def test_it_is_what_the_guest_makes_of_the_seed(self):
        self.assertEqual(self.whole[:32].hex(),
                         "c59be3a407387a1593d0a1349b5273d5c59be3992eb7902fec67464c3319d4a2")
        self.assertEqual(len(self.whole), SIZE)

    def test_nothing_is_found_where_nothing_is(self):
        self.assertEqual(self.scan(bytes(100000) + expand(OTHER)), [])

    def test_the_whole_is_one_copy(self):
        self.assertEqual(self.scan(bytes(5000) + self.whole + bytes(77)),
                         [Copy(SEED, 5000, 0, SIZE)])

    def test_the_least_is_found_wherever_it_begins_and_lies(self):
        for offset in (*range(64), SIZE - 33, SIZE - 32):
            for address in range(0, 9):
                with self.subTest(offset=offset, address=address):
                    part = self.whole[offset:offset + secret.LEAST]
                    self.assertEqual(self.scan(b"\xff" * address + part + b"\xff" * 20),
                                     [Copy(SEED, address, offset, secret.LEAST)])

    def test_less_is_no_copy(self):
        for offset in range(40):
            part = self.whole[offset:offset + secret.LEAST - 1]
            self.assertEqual(self.scan(b"\xff" * 9 + part + b"\xff" * 9), [], offset)

    def test_two_copies_are_two(self):
        part = self.whole[4096:8192]
        self.assertEqual([copy.address for copy in self.scan(part + bytes(64) + part)], [0, 4160])

    def test_a_copy_on_the_border_of_two_blocks_is_one(self):
        before = secret._BLOCK - 1000
        self.assertEqual(self.scan(bytes(before) + self.whole[:4096] + bytes(64)),
                         [Copy(SEED, before, 0, 4096)])

    def test_a_copy_that_ends_with_the_memory_is_found(self):
        self.assertEqual(self.scan(bytes(16) + self.whole[16:64]), [Copy(SEED, 16, 16, 48)])

    def test_secrets_of_before_are_found_too(self):
        self.scanner.learn(OTHER)
        found = self.scan(self.whole + expand(OTHER)[:64])
        self.assertEqual([copy.seed for copy in found], [SEED, OTHER])

    def test_holes_of_a_file_are_left_out(self):
        with tempfile.TemporaryFile() as file:
            os.truncate(file.fileno(), 64 << 20)
            os.pwrite(file.fileno(), self.whole, 32 << 20)
            found = self.scanner.scan(MemoryFile(file.fileno()))
        self.assertEqual(found, [Copy(SEED, 32 << 20, 0, SIZE)])
        self.assertLess(self.scanner.scanned, 16 << 20)


class WholeTest(unittest.TestCase):
    def test_pages_in_any_order_are_whole(self):
        half = SIZE // 2
        self.assertTrue(is_whole([Copy(SEED, 0, half, half), Copy(SEED, half, 0, half)], SEED))

    def test_a_byte_too_many_or_too_few_is_not(self):
        for copies in ([], [Copy(SEED, 0, 0, SIZE - 1)],
                       [Copy(SEED, 0, 0, SIZE), Copy(SEED, SIZE, 64, 32)],
                       [Copy(OTHER, 0, 0, SIZE)]):
            self.assertFalse(is_whole(copies, SEED), copies)


if __name__ == "__main__":
    unittest.main()
