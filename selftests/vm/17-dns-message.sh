#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What reads DNS messages, in this kernel, by BPF_PROG_TEST_RUN.
exec "$BUILD/selftests/dns_run" selftests/fuzz/corpus/dns
