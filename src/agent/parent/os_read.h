/* Single facts about the operating system below a root folder. Unknown is an answer: "", -1, TRI_UNKNOWN, 0. */
#ifndef OS_READ_H
#define OS_READ_H

#include "state.h"

#include <stddef.h>

void os_name(int root, char *dst, size_t size);
void os_domain(int root, char *dst, size_t size); /* of the directory that the computer has joined */
/* The computer's place in its directory, when whoever joined it wrote down the organisational unit. */
void os_directory_path(int root, const char *host_name, char *dst, size_t size);
void os_patches(int root, int32_t *ret_pending, int32_t *ret_security);
enum tristate os_firewall(int root);
enum tristate os_restart_needed(int root);
int64_t os_memory(int root);
int32_t os_cpus(int root);

#endif
