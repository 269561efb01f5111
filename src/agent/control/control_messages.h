/* The words of control.sock. Each request has one answer: the one named behind it, or CONTROL_REFUSED. */
#ifndef CONTROL_MESSAGES_H
#define CONTROL_MESSAGES_H

enum control_message {
	CONTROL_ENROL = 1,          /* text server, text agents_server, text token → CONTROL_ENROLLED */
	CONTROL_STATUS,             /* → CONTROL_FACTS */
	CONTROL_DETECTION,          /* event → CONTROL_RECEIPT */
	CONTROL_SYNC,               /* → CONTROL_DONE */
	CONTROL_GOODBYE,            /* → CONTROL_DONE */
	CONTROL_QUARANTINE_LIST,    /* i64 taken_us, id: of the last one already had → CONTROL_ITEMS */
	CONTROL_QUARANTINE_RESTORE, /* id, bytes elsewhere (none: where it was), bool allow, i64 until_us, text why →
	                               CONTROL_DONE */
	CONTROL_QUARANTINE_DELETE,  /* id → CONTROL_DONE */
	CONTROL_ALLOW_LIST,         /* 32 bytes: of the last one already had, zeros: none → CONTROL_ALLOWED */
	CONTROL_ALLOW_ADD,          /* 32 bytes SHA-256, i64 until_us, text why → CONTROL_DONE */
	CONTROL_ALLOW_REMOVE,       /* 32 bytes SHA-256 → CONTROL_DONE */
	CONTROL_SCAN_FILE,          /* a descriptor → CONTROL_FILE_SCANNED */
	/* Other signatures are on the disk → CONTROL_DONE when they are in force, CONTROL_REFUSED when they cannot be:
	 * then the old ones are */
	CONTROL_SIGNATURES,
	/* u8 scan_extent, bool go on with what was interrupted, bool report only, u8 n, n × bytes path → any number of
	 * CONTROL_SCAN_PROGRESS, _FOUND, _MISSED, then CONTROL_SCAN_ENDED. Who hangs up interrupts the scan. */
	CONTROL_SCAN,
	CONTROL_REQUEST_END,

	CONTROL_REFUSED = 100, /* i64 errno (positive), text why */
	CONTROL_ENROLLED,      /* id machine */
	CONTROL_FACTS,         /* u32 n, n × (text name, text value) */
	CONTROL_RECEIPT,       /* id stream, i64 seq */
	CONTROL_DONE,
	CONTROL_FILE_SCANNED,  /* struct scan_result (pool_messages.h) */
	CONTROL_SCAN_PROGRESS, /* as SWEEP_PROGRESS, SWEEP_FOUND, … (talk/sweep_messages.h) */
	CONTROL_SCAN_FOUND,
	CONTROL_SCAN_MISSED,
	CONTROL_SCAN_ENDED,
	CONTROL_ITEMS,   /* n × quarantine item, oldest first, as many as fit; none: that was all */
	CONTROL_ALLOWED, /* n × allow item, in the order of the digests; none: that was all */
};

enum { CONTROL_MAX_FACTS = 64, CONTROL_MAX_FACT = 4096, CONTROL_MAX_URL = 512, CONTROL_MAX_TOKEN = 256 };

#endif
