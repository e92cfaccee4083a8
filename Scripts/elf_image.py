"""ELF files of guests, for the scripts that start them on other machines."""

import struct
import sys


class ELF:
    """As much of an ELF file as a loader and the choice of a computation need."""

    def __init__(self, data):
        self.data = bytearray(data)
        self.is64 = data[4] == 2
        if self.is64:
            self.entry, segments, sections = struct.unpack_from("<QQQ", data, 24)
            size, count, section_size, section_count = struct.unpack_from("<HHHH", data, 54)
        else:
            self.entry, segments, sections = struct.unpack_from("<III", data, 24)
            size, count, section_size, section_count = struct.unpack_from("<HHHH", data, 42)
        self.segments = []
        for number in range(count):
            place = segments + number * size
            if self.is64:
                kind, _, offset, _, address, in_file, in_memory, _ = struct.unpack_from("<IIQQQQQQ", data, place)
            else:
                kind, offset, _, address, in_file, in_memory, _, _ = struct.unpack_from("<IIIIIIII", data, place)
            if kind == 1:
                self.segments.append((offset, address, in_file, in_memory))
        self.sections = [sections + number * section_size for number in range(section_count)]

    def symbol(self, wanted):
        for section in self.sections:
            if self.is64:
                kind, = struct.unpack_from("<I", self.data, section + 4)
                offset, size, link = struct.unpack_from("<QQI", self.data, section + 24)
            else:
                kind, = struct.unpack_from("<I", self.data, section + 4)
                offset, size, link = struct.unpack_from("<III", self.data, section + 16)
            if kind != 2:
                continue
            names, = struct.unpack_from("<Q" if self.is64 else "<I", self.data,
                                        self.sections[link] + (24 if self.is64 else 16))
            for place in range(offset, offset + size, 24 if self.is64 else 16):
                name, = struct.unpack_from("<I", self.data, place)
                value, = struct.unpack_from("<Q" if self.is64 else "<I", self.data, place + (8 if self.is64 else 4))
                end = self.data.index(0, names + name)
                if self.data[names + name : end] == wanted.encode():
                    return value
        sys.exit(f"the image has no symbol `{wanted}`")

    def choose(self, number, rounds):
        """The file with other parameters: which computation, and how often."""
        address = self.symbol("parameters")
        offset, start, _, _ = next(s for s in self.segments if s[1] <= address < s[1] + s[2])
        data = bytearray(self.data)
        struct.pack_into("<II", data, offset + address - start, number, rounds)
        return bytes(data)
