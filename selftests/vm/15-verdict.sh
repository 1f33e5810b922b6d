#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The verdict function in this kernel, by BPF_PROG_TEST_RUN.
exec "$BUILD/selftests/judge_run"
