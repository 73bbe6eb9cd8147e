# SPDX-License-Identifier: Apache-2.0
"""Where our devices and QEMU's are expected to differ, case by case, and why."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Difference:
    """Of answers of a case, wherever ours is `ours` and QEMU's is `qemus`; somewhere they are."""

    ours: int
    qemus: int
    why: str


def _each(why: str, *pairs: tuple[int, int]) -> tuple[Difference, ...]:
    return tuple(Difference(ours, qemus, why) for ours, qemus in pairs)


_SHORT_RANGE = "a range that is not one whole range is an error of the request for us, of the " \
               "driver or an unknown request for QEMU"
_LEGACY_TYPE = "QEMU takes bit 0 (out) and bit 31 (barrier) for flags, as legacy devices did, " \
               "and answers SCSI requests with an error; neither is a type of 5.2.6"
_RINGS_CHECKED_LATE = "QEMU looks at the rings' addresses when it first uses them; we refuse " \
                      "them when the queue becomes ready, and the device fails then"
_RANGES = _each(_SHORT_RANGE, (0x1, 0xff), (0xf, 0x4f), (0x1, 0x2))

# Cases that have no outcome to compare, and why.
NOT_COMPARED: dict[str, str] = {
    "buffers_too_short_for_the_header":
        "QEMU 7.2 ends by an assertion: iov_copy() of net headers in less than one",
}

DIFFERENCES: dict[str, tuple[Difference, ...]] = {
    "size_that_cannot_be": _each(
        "QEMU ignores such a QueueNum and takes QueueReady; we take neither, since 2.7 has a size "
        "be a power of two and 4.2.2.2 at most QueueNumMax", (0, 1)),
    "rings_that_are_not_aligned": _each(_RINGS_CHECKED_LATE, (0x0, 0x1), (0x4b, 0xb)),
    "rings_where_no_memory_is": _each(_RINGS_CHECKED_LATE, (0x0, 0x1), (0x4b, 0xb)),
    "layout_that_changes_after_ready": _each(
        "QEMU takes the addresses written after QueueReady and the request is lost; 4.2.2.2 "
        "forbids drivers to write them, and we ignore them", (0x0, 0xff)),
    "features_that_were_not_offered": _each(
        "QEMU masks what it did not offer and goes on; 2.2.2 has the device refuse FEATURES_OK",
        (0x3, 0xb), (0x3, 0xf)),
    "features_offered_are_known_ones": _each(
        "QEMU has the features of word 1 in every word behind it; there are none", (0x0, 0x103)),
    "status_out_of_order": _each(
        "QEMU keeps what is written; 2.1.1 has a driver set bits one after the other and never "
        "clear one, so we take a bit only in its turn",
        (0x0, 0x4), (0x0, 0x8), (0x1, 0x5), (0x1, 0x9), (0x3, 0x7), (0x3, 0x0), (0x3, 0x40),
        (0x3, 0xb), (0xb, 0x1), (0xf, 0x2), (0x8f, 0x80)),
    "queues_before_features": _each(
        "QEMU has queues ready before FEATURES_OK; 3.1.1 sets them up behind it", (0x0, 0x1)),
    "registers_read_in_words_only": _each(
        "QEMU makes two reads of one of 64 bits; 4.2.2.2 has registers in words only",
        (0x0, 0x2_7472_6976)),
    "configuration_space_ends": _each(
        "a read across the end of the configuration is all ones for us, in half for QEMU",
        (0xffff_ffff_ffff_ffff, 0xffff_ffff_0000_0000)),
    "unknown_types": _each(_LEGACY_TYPE, (0x2, 0x1), (0x2, 0x0)),
    "identity_of_every_length": _each(
        "QEMU cuts the identity to the buffer; 5.2.6 has it in 20 bytes", (0x1, 0x0)),
    "discards_that_cannot_be": _RANGES,
    "zeroes_that_cannot_be": _RANGES,
    "frames_too_short_for_ethernet": _each(
        "a header with no frame behind it is dropped here, and breaks the device in QEMU",
        (0x1, 0x0), (0xf, 0x4f)),
    "more_entropy_than_a_request_gets": _each(
        "we give 64 KiB a request, so that the rate limit holds; 5.4.6 lets a device give less",
        (0x10000, 0x14000)),
}
