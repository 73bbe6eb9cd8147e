# SPDX-License-Identifier: Apache-2.0
"""The rules about documents find what they are for, and leave what is right alone."""

import unittest

import check_docs
import check_hostile_table
from test_rules import found


class Docs(unittest.TestCase):
    README = "# A\n\n```console\n$ ./demo  --shell\nhello\n$ a \\\n    b\n```\n"
    LIST = f"./demo --shell  <-  check\na b  <-  check\n"

    def broken(self, **changes):
        files = {"README.md": self.README, check_docs.LIST: self.LIST,
                 "check": "./demo --shell\na  b\n"}
        return found("docs", {**files, **changes})

    def test_listed_commands_are_fine(self):
        self.assertEqual([], self.broken())

    def test_unlisted_commands_are_found(self):
        self.assertEqual([("README.md", 4), ("README.md", 6)], self.broken(**{check_docs.LIST: ""}))

    def test_command_that_its_runner_lacks_is_found(self):
        self.assertEqual([(check_docs.LIST, 1)], self.broken(check="a b\n"))

    def test_command_without_runner_is_found(self):
        text = self.LIST.replace("./demo --shell  <-  check", "./demo --shell  <-  gone")
        self.assertEqual([(check_docs.LIST, 1)], self.broken(**{check_docs.LIST: text}))

    def test_command_no_document_tells_is_found(self):
        text = self.LIST + "./demo --shell a  <-  check\n"
        files = {check_docs.LIST: text, "check": "./demo --shell a b\na b"}
        self.assertEqual([(check_docs.LIST, 3)], self.broken(**files))

    def test_shell_block_without_prompt_is_found(self):
        text = self.README + "```sh\nmake\n```\n"
        self.assertEqual([("README.md", 9)], self.broken(**{"README.md": text}))


class NamedFiles(unittest.TestCase):
    def broken(self, text, path="vmm/ARCHITECTURE.md"):
        return found("named_files", {path: text, "vmm/machine.h": "", "vmm/machine.cc": "",
                                     "vmm/kvm/vm.h": "", "tests/style/run": ""})

    def test_files_that_exist_are_fine(self):
        self.assertEqual([], self.broken("`machine.{h,cc}`, vmm/kvm/vm.h, kvm/vm.h, `vm.h`, "
                                         "vmm/*.cc, tests/style/run, tests/style/."))

    def test_missing_files_are_found(self):
        for text in ("`gone.h`", "vmm/gone.h", "`machine.{h,S}`", "tests/gone/", "kvm/gone.h"):
            self.assertEqual([("vmm/ARCHITECTURE.md", 1)], self.broken(text))

    def test_other_documents_may_name_what_is_elsewhere(self):
        self.assertEqual([], self.broken("`vm.yaml`", "README.md"))
        self.assertEqual([("README.md", 1)], self.broken("vmm/gone.cc", "README.md"))


class HostileTable(unittest.TestCase):
    CASES = "      REDOUBT_HOSTILE(bad_ring),\n      REDOUBT_HOSTILE_PROTECTED(bad_page),\n"

    def broken(self, row):
        return found("hostile_table", {
            check_hostile_table.TABLE: f"# `a_b`\n| what | tests |\n|---|---|\n{row}\n",
            "tests/hostile/cases.cc": self.CASES,
            "tests/unit/block_test.cc": "TEST_F(Block,\n       reads) {\n"})

    def test_complete_table_is_fine(self):
        self.assertEqual([], self.broken("| rings | `bad_ring` `bad_page` `Block.reads` |"))

    def test_missing_program_is_found(self):
        self.assertEqual([("tests/hostile/cases.cc", 2)], self.broken("| rings | `bad_ring` |"))

    def test_test_that_does_not_exist_is_found(self):
        table = check_hostile_table.TABLE
        row = "| rings | `bad_ring` `bad_page` `no_ring` `Block.no_write` |"
        self.assertEqual([(table, 4), (table, 4)], self.broken(row))


class ExitCodes(unittest.TestCase):
    HEADER = "enum class ExitStatus {\n  GuestOff = 0,\n  Usage = 2,\n};\n"
    SOURCE = ('case ExitStatus::GuestOff: return "off";\n'
              'case ExitStatus::Usage:\n  return "wrong";\n')

    def found(self, rows):
        return found("exit_codes", {"vmm/base/exit_status.h": self.HEADER,
                                    "vmm/base/exit_status.cc": self.SOURCE, "README.md": rows})

    def test_a_table_that_agrees_is_right(self):
        self.assertEqual(self.found("| 0 | off |\n| 2 | wrong |\n"), [])

    def test_missing_other_and_unknown_codes_are_found(self):
        self.assertEqual(self.found("| 0 | on |\n| 9 | what |\n"),
                         [("README.md", 1), ("README.md", 1), ("README.md", 2)])
