#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What reads a client's first bytes, in this kernel, by BPF_PROG_TEST_RUN.
exec "$BUILD/selftests/client_run" selftests/fuzz/corpus/client
