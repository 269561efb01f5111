/* What an agent reports of its machine at a sync. Texts are owned by whoever owns the struct (an arena, a message). */
#ifndef STATE_H
#define STATE_H

#include "bounds.h"
#include "hardware.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tristate { TRI_UNKNOWN, TRI_NO, TRI_YES };

/* One product that says it protects this machine: Khiên itself, or another vendor's seen by the security centre. */
struct provider {
	const char *name; /* "khien", "Microsoft Defender Antivirus", … */
	enum tristate on;
	enum tristate on_access;
	int32_t signature_day; /* day.h; 0 unknown */
	bool ours;
	const char *note; /* plain words: "no engine" */
};

struct inventory {
	const char *host_name;
	const char *domain;         /* DNS domain or "" */
	const char *directory_path; /* distinguished name of the computer in its directory, or "" */
	const char *os_name;        /* "Debian GNU/Linux 12 (bookworm)" */
	const char *os_kind;        /* "linux", "windows" */
	const char *kernel;
	const char *agent_version;
	size_t n_addresses;
	const char *addresses[MAX_ADDRESSES]; /* "10.1.2.3", "fe80::1" */
	int32_t patches_pending;              /* -1 unknown */
	int32_t security_patches_pending;     /* -1 unknown */
	enum tristate firewall;
	enum tristate restart_needed;
	int64_t memory_bytes;
	int32_t cpus;
};

struct agent_state {
	struct inventory inventory;
	bool engine_ready; /* an engine is loaded and passed its own check */
	size_t n_providers;
	struct provider providers[MAX_PROVIDERS];
	const char *problems; /* plain words for a person, one problem a line; "" when there is none */
};

#endif
