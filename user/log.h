/* SPDX-License-Identifier: Apache-2.0 */
/* Messages on stderr; libbpf's go the same way, one level down. */
#ifndef KNTRL_LOG_H
#define KNTRL_LOG_H

#include <stdbool.h>

extern bool log_verbose;

/* Sets the program's name and takes over libbpf's output. */
void log_start(const char *program);

__attribute__((format(printf, 1, 2))) void log_error(const char *fmt, ...);
__attribute__((format(printf, 1, 2))) void log_warn(const char *fmt, ...);
/* What is no complaint; log_info() is for --verbose alone. */
__attribute__((format(printf, 1, 2))) void log_note(const char *fmt, ...);
__attribute__((format(printf, 1, 2))) void log_info(const char *fmt, ...);

#endif
