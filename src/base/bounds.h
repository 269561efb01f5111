/* Every length that comes from outside has its maximum here, with its reason. */
#ifndef BOUNDS_H
#define BOUNDS_H

enum {
	MAX_HOST_NAME = 255,              /* bytes; DNS's limit. NetBIOS has 15, guidelines check that */
	MAX_UNIT_CODE = 32,               /* bytes */
	MAX_TEXT = 512,                   /* bytes of a name, title, note that a person writes */
	MAX_PATH_BYTES = 32 * 1024,       /* Windows' longest path is 32.767 UTF-16 units; Linux' PATH_MAX is 4.096 */
	MAX_PATTERN = 512,                /* bytes of a naming rule's pattern */
	MAX_SHORT_TEXT = 64,              /* bytes: an engine's name, a kind of malware */
	MAX_PROBLEMS = 4096,              /* bytes: what an agent says is wrong with its computer, one problem a line */
	MAX_DISPLAY = 4 * MAX_PATH_BYTES, /* a path in its form for people: a byte may become \xNN */
	MAX_HW_VALUES = 32,               /* hardware digests of one machine (many disks and cards) */
	MAX_ADDRESSES = 32,
	MAX_PROVIDERS = 8,          /* protection products on one machine */
	MAX_BATCH_EVENTS = 100,     /* events in one call: keeps a transaction's share small and a retry cheap */
	MAX_EVENT_BODY = 64 * 1024, /* bytes of one event as JSON */
	MAX_AGENT_BODY = 1 << 20,   /* bytes of one call of an agent */
	MAX_API_BODY = 16 << 20,    /* bytes of one call of the console: imports of a province's lists */
	MAX_IPC_MESSAGE = 256 * 1024,
	MAX_TASK_ARGS = 20 * 1024, /* a scan's paths */
	MAX_SCAN_PATHS = 16,       /* that a task names; more is a scan of what is above them */
	MAX_SCAN_PATH = 1024,      /* bytes of one, as a person types it */
	MAX_SCAN_REASONS = 32,     /* why files were not scanned, in one scan's account */
	MAX_ALLOWANCES = 512,   /* hashes that one machine is told to allow: with their reasons within an IPC message */
	MAX_ALLOW_REASON = 256, /* bytes */
	MAX_TASKS_ANSWER = 16,  /* tasks in one answer to a sync: the rest come with the next one */
	MAX_SYNC_STREAMS = 8,   /* streams that an agent names in a sync: the live one and those not yet emptied */
	MAX_CSR = 4096,         /* bytes of a request as PEM; one with a P-256 key and no extensions has 400 */
	MAX_CERT = 8192,        /* bytes of a certificate as PEM */
	MAX_CHAIN = 16,         /* certificates in a bundle or a chain */
	MAX_ANCHORS = 8,        /* purposes of trust anchors */
	MAX_ANCHOR_BODY = 64 * 1024,
	MAX_TREE_DEPTH = 16,
	MAX_NODES = 20000,
	MAX_SIGNATURE_NAME = 255,         /* bytes; the longest of ClamAV's has 120 */
	MAX_SIGNATURE_LINE = 8191,        /* bytes of a line of a file of hashes: libclamav's own bound */
	MAX_IGNORED_SIGNATURES = 1 << 18, /* names in .ign and .ign2: a thousand times what ClamAV has */
	MAX_DIVERSIONS = 1 << 16,         /* of dpkg; a Debian with everything installed has some hundred */
	MAX_MANIFEST = 2 << 20,           /* bytes: MAX_SIGNATURE_FILES lines with long names */
	MAX_IMAGE_ENTRIES = 100 << 20,    /* of an image: twelve times what is known today; its offsets have 32 bits */
	MAX_IMAGE_NAMES = 1 << 30,        /* bytes of an image's names */
	MAX_IMAGE_SAME = 64,              /* entries of one digest that differ in size */
	MAX_ENGINE_NAME = 16,
	MAX_ENGINES = 8,
	MAX_MALWARE_NAME = 256,     /* bytes; the longest of ClamAV's has 120 */
	MAX_FILE_TYPE = 16,         /* bytes of a kind of file as pipeline and events name it */
	MAX_SCAN_FINDS = 4,         /* finds told of one content: one is enough to act, more help a person */
	MAX_SIGNATURE_FILES = 4096, /* files of one folder of a generation */
	MAX_HOLD_S = 60,            /* a held sync: below the idle time-outs of common NATs and proxies */
};

#endif
