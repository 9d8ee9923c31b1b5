#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A checker that cannot fail is decoration: each is shown a small tree with one fault and must name
it, and one without and must be content. TAP.

usage: checkers.py ROOT CC AR NM
"""
import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(sys.argv[1])
CC, AR, NM = sys.argv[2:5]
HEAD = "/* SPDX-License-Identifier: Apache-2.0 */\n/* A planted file for a checker. */\n"

# case: (planted file, its text, what the checker must say, or None when it must be content)
ARROWS = {
    "arrow_down_is_allowed": ("src/wire/a.c", '#include "base/ip4.h"\n', None),
    "arrow_up_is_refused": ("src/base/a.c", '#include "wire/ns.h"\n', "a.c:3: base may not"),
    "arrow_sideways_is_refused": ("src/conf/a.h", '#include "ctl/server.h"\n', "conf may not"),
    "store_may_see_the_record": ("src/store/a.c", '#include "rules/rec.h"\n', None),
    "store_may_not_see_the_rules": ("src/store/a.c", '#include "rules/rules.h"\n', "store may not"),
    "io_may_not_know_netbios": ("src/io/a.c", '#include "wire/ns.h"\n', "io may not"),
    "web_may_not_see_the_store": ("src/winsweb/a.c", '#include "store/store.h"\n', "may not"),
    "unknown_module_is_refused": ("src/misc/a.c", "", "module misc has no line"),
    "bare_include_is_refused": ("src/wire/a.c", '#include "ns.h"\n', "module/file.h"),
    "include_past_the_tree_is_refused": ("src/wire/a.c", '#include "base/../rules/rec.h"\n', "module/"),
    "spaced_include_is_seen": ("src/base/a.c", '\n  #  include  "wire/ns.h"\n', "a.c:4: base may not"),
    "tables_are_looked_at": ("src/base/a.def", '#include "wire/ns.h"\n', "base may not"),
    "deep_files_are_looked_at": ("src/base/x/a.c", '#include "wire/ns.h"\n', "base may not"),
    "allocation_header_in_rules_is_refused": ("src/rules/a.c", "#include <stdlib.h>\n", "rules is pure"),
    "integers_in_rules_are_allowed": ("src/rules/a.c", "#include <stdint.h>\n", None),
    "clock_in_an_engine_is_refused": ("src/wins/a.c", "#include <time.h>\n", "wins has no socket"),
    "socket_in_an_engine_is_refused": ("src/wins/a.c", "#include <sys/socket.h>\n", "wins has no"),
    "allocation_in_an_engine_is_allowed": ("src/wins/a.c", "#include <stdlib.h>\n", None),
}
TREE = {
    "good_header_is_allowed": ("src/a.h", "#pragma once\n", None),
    "source_unknown_to_meson_is_refused": ("src/a.c", "int x;\n", "src/a.c: not listed"),
    "test_unknown_to_meson_is_refused": ("tests/unit/a.c", "int x;\n", "tests/unit/a.c: not listed"),
    "folder_unknown_to_meson_is_refused": ("src/x/a.c", "int x;\n", "no subdir('x')"),
    "header_without_pragma_is_refused": ("src/a.h", "extern int x;\n", "no #pragma once"),
    "mark_is_refused": ("src/a.c", "/* TO" "DO: later */\n", "a.c:3: left-over mark"),
    "file_of_1_mib_is_allowed": ("a.txt", (1 << 20) - len(HEAD), None),
    "file_over_1_mib_is_refused": ("a.txt", (1 << 20) - len(HEAD) + 1, "larger than 1 MiB"),
    "binary_is_refused": ("a.dat", "\0", "binary"),
    "binary_test_input_is_allowed": ("fuzz/corpus/wire/a", "\0", None),
    "page_unknown_to_meson_is_refused": ("doc/man/x.1", ".Dd\n", "x.1: not listed"),
    "build_folders_are_passed_over": ("build-x/a.dat", "\0", None),
}
HEADLESS = {
    "missing_licence_is_refused": ("src/a.c", "/* What it is for. */\nint x;\n", "a.c:1: must be"),
    "missing_purpose_is_refused": ("src/a.c", HEAD.split("\n")[0] + "\nint x;\n", "a.c:2: must be"),
    "script_without_licence_is_refused": ("a.sh", "#!/bin/sh\necho\n", "a.sh:2: must be"),
    "empty_source_is_refused": ("src/a.c", "", "a.c:1: must be"),
}
# case: (profile, C source, what must be said)
PURITY = {
    "memory_functions_are_pure": (
        "pure", "#include <string.h>\nint f(char *a, char *b, int n)"
        "{ memmove(a, b, n); return memcmp(a, b, n); }", None),
    "assert_is_pure": ("pure", "#include <assert.h>\nvoid f(int n) { assert(n); }", None),
    "lower_library_is_pure": ("pure", "int lower(void); int f(void) { return lower(); }", None),
    "malloc_is_not_pure": ("pure", "#include <stdlib.h>\nvoid *f(int n) { return malloc(n); }",
                           "malloc is not allowed"),
    "strdup_is_not_pure": ("pure", "char *strdup(const char *); char *f(char *s)"
                           "{ return strdup(s); }", "strdup is not allowed"),
    "locale_is_not_pure": ("pure", "#include <ctype.h>\nint f(int c) { return isprint(c); }",
                           "__ctype_b_loc is not allowed"),
    "engine_may_allocate": ("engine", "#include <stdlib.h>\nvoid *f(int n) { return malloc(n); }",
                            None),
    "engine_has_no_clock": ("engine", "#include <time.h>\nlong f(void) { return time(0); }",
                            "time is not allowed"),
    "engine_has_no_output": ("engine", "#include <stdio.h>\nvoid f(void) { puts(\"x\"); }",
                             "puts is not allowed"),
}

# As meson 1.0 writes it, when it ran several suites and when it ran one.
MANY, ONE = "winsome:unit / t", "t"
SUITE = '<testsuite name="winsome.{{name}}"><testcase name="1 - a"/><testcase name="2 - b">{}</testcase></testsuite>'
# case: (cases of program t in junit, or None; its verdict; steps failed before; last line; status)
COUNTS = {
    "cases_are_counted_not_programs": (SUITE.format(""), "OK", [], "2 passed, 0 failed", 0),
    "failed_case_is_counted": (SUITE.format("<failure/>"), "FAIL", [], "1 passed, 1 failed", 1),
    "skipped_case_is_told": (SUITE.format("<skipped/>"), "OK", [], "1 passed, 0 failed, 1 skipped", 0),
    "crash_after_good_cases_is_a_failure": (SUITE.format(""), "ERROR", [], "2 passed, 1 failed", 1),
    "timeout_is_a_failure": (None, "TIMEOUT", [], "0 passed, 1 failed", 1),
    "program_without_cases_is_one": (None, "OK", [], "1 passed, 0 failed", 0),
    "failed_build_is_a_failure": (SUITE.format(""), "OK", ["clang"], "2 passed, 1 failed", 1),
    "raw_output_does_not_hide_cases": (
        SUITE.format("<system-out>\x01\x1b</system-out>"), "OK", [], "2 passed, 0 failed", 0),
    "only_skipped_is_a_failure": (None, "SKIP", [], "0 passed, 0 failed, 1 skipped", 1),
}


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", check=False)
    return done.returncode, done.stdout


def judge(result, expected):
    """Why the checker's result is wrong, or ''."""
    status, output = result
    if expected is None:
        return "" if status == 0 else f"was refused: {output}"
    return "" if status == 1 and expected in output else f"status {status}, said: {output}"


def planted(checker, head):
    def case(tmp, name, text, expected):
        path = tmp / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(head + (text if isinstance(text, str) else "x" * text))
        return judge(run(sys.executable, str(ROOT / "tools" / checker), str(tmp)), expected)
    return case


def purity(tmp, profile, source, expected):
    for name, text in (("f", source), ("lower", "int lower(void); int lower(void) { return 1; }")):
        (tmp / f"{name}.c").write_text(text)
        subprocess.run([CC, "-O0", "-fno-builtin", "-c", tmp / f"{name}.c", "-o", tmp / f"{name}.o"],
                       check=True)
        subprocess.run([AR, "crs", tmp / f"lib{name}.a", tmp / f"{name}.o"], check=True)
    checker = str(ROOT / "tools" / "check_purity.py")
    return judge(run(sys.executable, checker, NM, profile, tmp / "libf.a", tmp / "liblower.a"), expected)


def counts(tmp, cases, verdict, steps, last_line, status):
    for name in (MANY, ONE):
        suite = (cases or "").replace("{name}", name)
        (tmp / "testlog.junit.xml").write_text(
            f'<testsuites>{suite}<testsuite name="winsome"><testcase name="t"/></testsuite></testsuites>')
        (tmp / "testlog.json").write_text(json.dumps({"name": name, "result": verdict}) + "\n")
        got, said = run(sys.executable, str(ROOT / "tools" / "count_tests.py"), str(tmp), *steps)
        if got != status or said.splitlines()[-1] != last_line:
            return f"for {name}: status {got}, said: {said}"
    return ""


def no_log(tmp):
    done = run(sys.executable, str(ROOT / "tools" / "count_tests.py"), str(tmp))
    return "" if done == (1, "0 passed, 0 failed\n") else f"said: {done}"


def main():
    plan = [(name, planted("check_arrows.py", HEAD), row) for name, row in ARROWS.items()]
    plan += [(name, planted("check_tree.py", HEAD), row) for name, row in TREE.items()]
    plan += [(name, planted("check_tree.py", ""), row) for name, row in HEADLESS.items()]
    plan += [(name, purity, row) for name, row in PURITY.items()]
    plan += [(name, counts, row) for name, row in COUNTS.items()]
    plan += [("nothing_run_is_a_failure", no_log, ())]
    print(f"1..{len(plan)}")
    for number, (name, case, row) in enumerate(plan, 1):
        with tempfile.TemporaryDirectory() as tmp:
            why = case(pathlib.Path(tmp), *row)
        print(f"{'not ' if why else ''}ok {number} - {name}")
        for line in why.splitlines():
            print("#", line)


if __name__ == "__main__":
    main()
