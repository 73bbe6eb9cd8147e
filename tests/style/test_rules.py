# SPDX-License-Identifier: Apache-2.0
"""Each rule finds what it is for, and leaves what is right alone."""

import importlib
import os
import pathlib
import subprocess
import tempfile
import unittest

import check_commits
from tree import Finding, Skip, Tree, code_of

SPDX = "// SPDX-License-" "Identifier: Apache-2.0\n"


def found(rule, files, root=None):
    """(path, line) of everything the rule says about a tree of these files."""
    tree = Tree({path: text if isinstance(text, bytes) else text.encode()
                 for path, text in files.items()}, root)
    return [(finding.path, finding.line)
            for finding in importlib.import_module(f"check_{rule}").check(tree)]


class OnDisk(unittest.TestCase):
    """For rules that start a program: the sample is written to a directory of its own."""

    def setUp(self):
        self._directory = tempfile.TemporaryDirectory()
        self.addCleanup(self._directory.cleanup)
        self.root = pathlib.Path(self._directory.name)

    def found(self, rule, files):
        for path, text in files.items():
            (self.root / path).write_text(text)
        try:
            return found(rule, files, self.root)
        except Skip as reason:
            self.skipTest(str(reason))


class Layering(unittest.TestCase):
    BASE = {"vmm/base/fd.h": "", "vmm/kvm/vm.h": "", "vmm/memory/ram.h": "",
            "devices/mmio_bus.h": "", "devices/console/console_options.h": ""}

    def broken(self, path, include):
        return found("layering", {**self.BASE, path: f"{SPDX}#include {include}\n"})

    def test_include_from_below_is_fine(self):
        self.assertEqual([], self.broken("vmm/memory/a.cc", '"vmm/base/fd.h"'))

    def test_include_from_above_is_found(self):
        self.assertEqual([("vmm/base/a.cc", 2)], self.broken("vmm/base/a.cc", '"vmm/memory/ram.h"'))

    def test_device_cannot_see_kvm(self):
        self.assertEqual([("devices/a.h", 2)], self.broken("devices/a.h", '"vmm/kvm/vm.h"'))

    def test_machine_sees_everything(self):
        self.assertEqual([], self.broken("vmm/machine.cc", '"devices/mmio_bus.h"'))

    def test_config_sees_options_of_devices(self):
        self.assertEqual(
            [], self.broken("vmm/config/a.h", '"devices/console/console_options.h"'))

    def test_config_cannot_see_devices(self):
        self.assertEqual(
            [("vmm/config/a.h", 2)], self.broken("vmm/config/a.h", '"devices/mmio_bus.h"'))

    def test_options_header_with_weight_is_found(self):
        path = "devices/net_options.h"
        self.assertEqual([(path, 2)], self.broken(path, '"devices/mmio_bus.h"'))

    def test_options_header_may_include_another(self):
        self.assertEqual([], self.broken("devices/virtio/port_options.h",
                                         '"devices/console/console_options.h"'))

    def test_include_beside_the_file_is_found(self):
        self.assertEqual([("vmm/base/a.cc", 2)], self.broken("vmm/base/a.cc", '"fd.h"'))

    def test_include_of_tests_is_found(self):
        files = {"tests/fake.h": "", "vmm/machine.cc": '#include "tests/fake.h"\n'}
        self.assertEqual([("vmm/machine.cc", 1)], found("layering", files))

    def test_library_of_another_room_is_found(self):
        self.assertEqual([("vmm/kvm/a.cc", 2)], self.broken("vmm/kvm/a.cc", "<yaml-cpp/yaml.h>"))

    def test_library_of_the_room_is_fine(self):
        self.assertEqual([], self.broken("vmm/fdt/a.cc", "<libfdt.h>"))

    def test_unknown_library_is_found(self):
        self.assertEqual([("vmm/kvm/a.cc", 2)], self.broken("vmm/kvm/a.cc", "<boost/any.hpp>"))

    def test_kvm_header_outside_uapi_is_found(self):
        self.assertEqual([("vmm/kvm/vm2.h", 2)], self.broken("vmm/kvm/vm2.h", "<linux/kvm.h>"))

    def test_system_headers_are_fine(self):
        for name in ("<span>", "<sys/mman.h>", "<linux/virtio_ids.h>", "<unistd.h>"):
            self.assertEqual([], self.broken("vmm/kvm/a.cc", name))


class GuestPointers(unittest.TestCase):
    USE = SPDX + "auto* p = memory.host_address(range);\n"

    def test_use_in_a_device_is_found(self):
        self.assertEqual([("devices/a.cc", 2)], found("guest_pointers", {"devices/a.cc": self.USE}))

    def test_memory_machine_and_vhost_may(self):
        files = {"vmm/memory/a.cc": self.USE, "vmm/machine_memory.cc": self.USE,
                 "devices/vhost/vhost_memory.cc": self.USE}
        self.assertEqual([], found("guest_pointers", files))

    def test_mention_in_a_comment_is_fine(self):
        self.assertEqual([], found("guest_pointers", {"devices/a.cc": "// no host_address here\n"}))


class Safety(unittest.TestCase):
    CAST = "auto* p = reinterpret_cast<int*>(q);\n"

    def test_bare_cast_is_found(self):
        self.assertEqual([("a.cc", 1)], found("safety", {"a.cc": self.CAST}))

    def test_code_of_a_guest_is_exempt(self):
        self.assertEqual([], found("safety", {"guest/a.c": 'asm("hvc #0");'}))

    def test_bare_asm_is_found(self):
        for text in ('asm("nop");', 'asm volatile("nop");', '__asm__("nop");'):
            self.assertEqual([("a.cc", 1)], found("safety", {"a.cc": text}))

    def test_comment_within_three_lines_is_fine(self):
        text = "// SAFETY: q is an int.\nint a;\nint b;\n" + self.CAST
        self.assertEqual([], found("safety", {"a.cc": text}))

    def test_comment_four_lines_above_is_found(self):
        text = "// SAFETY: q is an int.\nint a;\nint b;\nint c;\n" + self.CAST
        self.assertEqual([("a.cc", 5)], found("safety", {"a.cc": text}))

    def test_long_comment_is_read_to_its_start(self):
        text = "// SAFETY: q is\n" + "// an int\n" * 5 + self.CAST
        self.assertEqual([], found("safety", {"a.cc": text}))

    def test_mention_in_comment_or_string_is_fine(self):
        text = '// reinterpret_cast<int*>\nputs("asm volatile");\n'
        self.assertEqual([], found("safety", {"a.cc": text}))


class VirtioThreads(unittest.TestCase):
    def test_mutex_is_found(self):
        text = "#include <mutex>\nstd::mutex m_;\nstd::jthread t_;\n"
        self.assertEqual([("devices/virtio/a.h", line) for line in (1, 2, 3)],
                         found("virtio_threads", {"devices/virtio/a.h": text}))

    def test_other_folders_may(self):
        self.assertEqual([], found("virtio_threads", {"devices/a.h": "std::mutex m_;\n"}))

    def test_transport_may_have_a_mutex_and_no_thread(self):
        path = "devices/virtio/mmio_transport.h"
        self.assertEqual([], found("virtio_threads", {path: "std::mutex m_;\n"}))
        self.assertEqual([(path, 1)], found("virtio_threads", {path: "std::thread t_;\n"}))


class Spdx(unittest.TestCase):
    def broken(self, path, text):
        return found("spdx", {"LICENSE": "Apache", path: text})

    def test_missing_is_found(self):
        for path in ("a.cc", "a.sh", "CMakeLists.txt", "a.md", "a.yaml", "a.S"):
            self.assertEqual([(path, 1)], self.broken(path, "hello\n"))

    def test_after_interpreter_is_fine(self):
        self.assertEqual([], self.broken("a", "#!/bin/sh\n#" + SPDX[2:]))

    def test_third_line_is_found(self):
        self.assertEqual([("a", 2)], self.broken("a", "#!/bin/sh\n\n#" + SPDX[2:]))

    def test_markdown_comment_is_fine(self):
        self.assertEqual([], self.broken("a.md", f"<!-- {SPDX[3:-1]} -->\n"))

    def test_unknown_licence_is_found(self):
        self.assertEqual([("a.cc", 1)], self.broken("a.cc", SPDX.replace("Apache-2.0", "MIT")))

    def test_licence_without_text_is_found(self):
        text = SPDX.replace("Apache-2.0", "GPL-2.0-only")
        self.assertEqual([("a.cc", 1)], self.broken("a.cc", text))

    def test_json_and_empty_files_are_exempt(self):
        self.assertEqual([], self.broken("a.json", "{}\n") + self.broken("b.py", ""))


class Size(unittest.TestCase):
    def test_401_lines_are_found(self):
        for path in ("a.cc", "a.h", "a.S", "a.py", "a.sh"):
            self.assertEqual([(path, 401)], found("size", {path: "\n" * 401}))

    def test_401_lines_of_a_script_without_suffix_are_found(self):
        text = "#!/usr/bin/env python3\n" + "\n" * 400
        self.assertEqual([("a", 401)], found("size", {"a": text}))

    def test_400_lines_are_fine(self):
        self.assertEqual([], found("size", {"a.cc": "\n" * 400, "a.md": "\n" * 500}))


class Columns(unittest.TestCase):
    def test_101_columns_are_found(self):
        for path in ("a.py", "a.sh", "CMakeLists.txt"):
            self.assertEqual([(path, 1)], found("columns", {path: "é" * 101 + "\n"}))

    def test_100_columns_are_fine(self):
        self.assertEqual([], found("columns", {"a.py": "é" * 100 + "\n", "a.md": "x" * 101}))


class Hosts(unittest.TestCase):
    def broken(self, path, text):
        return found("hosts", {path: text})

    def test_url_is_found(self):
        self.assertEqual([("a.sh", 1)], self.broken("a.sh", "curl https" "://mirror/pool\n"))

    def test_bare_host_is_found(self):
        self.assertEqual([("a.sh", 1)], self.broken("a.sh", "echo deb.some" "mirror.org\n"))
        self.assertEqual([("a.yaml", 1)], self.broken("a.yaml", "image: ghcr" ".io/x\n"))
        self.assertEqual([("a.cc", 1)], self.broken("a.cc", '"deb.some' 'mirror.org"\n'))

    def test_members_in_code_are_fine(self):
        self.assertEqual([], self.broken("a.cc", "config.net = devices.io;\n"))

    def test_mail_addresses_and_identifiers_are_fine(self):
        text = "a@b.some" "where.org\nhttps" "://json-schema.org/draft\nhttp" "://localhost:80\n"
        self.assertEqual([], self.broken("a.yaml", text))


class Words(unittest.TestCase):
    def broken(self, text):
        return found("words", {"a.md": text})

    def test_machine_paths_are_found(self):
        for text in ("see /wo" "rk/main\n", "'/ro" "ot/x'\n", "cd /ho" "me/me\n"):
            self.assertEqual([("a.md", 1)], self.broken(text))

    def test_paths_below_a_variable_are_fine(self):
        self.assertEqual([], self.broken("${out}/wo" "rk/x HOME=/root\n"))

    def test_tickets_are_found(self):
        for text in ("iss" "ue #2\n", "fix" "es 12\n", "iss" "ue 7\n"):
            self.assertEqual([("a.md", 1)], self.broken(text))

    def test_notes_to_oneself_are_found(self):
        for text in ("TO" "DO: x\n", "FIX" "ME\n", "XX" "X\n"):
            self.assertEqual([("a.md", 1)], self.broken(text))

    def test_how_it_was_made_is_found(self):
        self.assertEqual([("a.md", 1)], self.broken("in the previous sess" "ion\n"))

    def test_mkstemp_template_is_fine(self):
        self.assertEqual([], self.broken('"file.XXXXXX"\n'))


class Binaries(unittest.TestCase):
    def test_binary_is_found(self):
        self.assertEqual([("Image", 1)], found("binaries", {"Image": b"MZ\0", "a.cc": "int a;"}))


class Programs(OnDisk):
    def test_unformatted_code_is_found(self):
        self.assertEqual([("a.cc", 1)], self.found("format", {"a.cc": "int  a;\n"}))

    def test_formatted_code_is_fine(self):
        self.assertEqual([], self.found("format", {"a.cc": "int a;\n"}))

    def test_bad_shell_is_found(self):
        self.assertEqual([("a.sh", 2)], self.found("shell", {"a.sh": "#!/bin/sh\necho $1\n"}))

    def test_good_shell_is_fine(self):
        self.assertEqual([], self.found("shell", {"a": '#!/bin/sh\necho "$1"\n'}))


class Python(unittest.TestCase):
    def test_syntax_error_is_found(self):
        self.assertEqual([("a.py", 2)], found("python", {"a.py": "a = 1\nb = =\n"}))

    def test_script_without_suffix_is_read(self):
        text = "#!/usr/bin/env python3\nb = =\n"
        self.assertEqual([("a", 2)], found("python", {"a": text}))

    def test_doubtful_escape_is_found(self):
        self.assertEqual(1, len(found("python", {"a.py": "a = '\\d'\n"})))


class Commits(OnDisk):
    def faults(self, message):
        return len(list(check_commits.message_faults(message)))

    def test_good_subjects_are_fine(self):
        for subject in ("memory: map the DMA window", "kvm, boot: read x0 once"):
            self.assertEqual(0, self.faults(subject))

    def test_bad_subjects_are_found(self):
        for subject in ("Fix things", "memory: map it.", "Memory: map it", "memory:map it", ""):
            self.assertEqual(1, self.faults(subject))

    def test_73_columns_are_found(self):
        self.assertEqual(1, self.faults("kvm: " + "x" * 68))
        self.assertEqual(0, self.faults("kvm: " + "x" * 67))

    def test_words_in_the_body_are_found(self):
        self.assertEqual(1, self.faults("kvm: do it\n\niss" "ue #3\n"))

    def test_commits_of_a_repository_are_read(self):
        quiet = {"cwd": self.root, "check": True, "capture_output": True,
                 "env": {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null"}}
        subprocess.run(["git", "init", "-q"], **quiet)
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@example", "commit",
                        "--allow-empty", "-q", "-m", "Wrong"], **quiet)
        self.assertEqual(1, len(found("commits", {}, self.root)))


class Headers(unittest.TestCase):
    def test_header_without_comment_is_found(self):
        self.assertEqual([("vmm/a.h", 2)], found("headers", {"vmm/a.h": SPDX + "#pragma once\n"}))

    def test_header_without_guard_is_found(self):
        self.assertEqual([("vmm/a.h", 1)], found("headers", {"vmm/a.h": SPDX + "// A.\n"}))

    def test_header_with_contract_is_fine(self):
        text = SPDX + "//\n// Any thread.\n#pragma once\n"
        self.assertEqual([], found("headers", {"vmm/a.h": text}))


class DebugOptions(unittest.TestCase):
    SET = "CONFIG_KVM=y\nCONFIG_PKVM_DISABLE_STAGE2_ON_PANIC" "=y\n"

    def test_option_in_a_shipped_fragment_is_found(self):
        self.assertEqual([("host.config", 2)], found("debug_options", {"host.config": self.SET}))

    def test_option_enabled_by_a_script_is_found(self):
        text = "scripts/config --enable NVHE_EL2" "_DEBUG\n"
        self.assertEqual([("build", 1)], found("debug_options", {"build": text}))

    def test_debug_fragment_and_unset_are_fine(self):
        files = {"host-debug.config": self.SET,
                 "host.config": "# CONFIG_NVHE_EL2" "_DEBUG is not set\n"}
        self.assertEqual([], found("debug_options", files))


class TheTree(OnDisk):
    def test_ignored_files_are_not_looked_at(self):
        subprocess.run(["git", "init", "-q"], cwd=self.root, check=True, capture_output=True)
        for name, text in {".gitignore": "b\n", "a": "", "b": ""}.items():
            (self.root / name).write_text(text)
        self.assertEqual([".gitignore", "a"], Tree.from_git(self.root).paths())

    def test_code_of_drops_comments_and_strings(self):
        self.assertEqual('f("") ', code_of(r'f("a\"// b") // c'))

    def test_findings_compare_by_value(self):
        self.assertEqual(Finding("a", 1, "b"), Finding("a", 1, "b"))
