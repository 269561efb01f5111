/* What a file of signatures is, by its suffix: one table of all that `khien signatures load` knows. */
#ifndef SIGNATURE_KIND_H
#define SIGNATURE_KIND_H

#include "image.h"

#include <stdbool.h>

enum signature_use {
	SIGNATURE_IMAGE,    /* digests: compiled into the image, never given to libclamav */
	SIGNATURE_BODY,     /* for libclamav, as it is */
	SIGNATURE_IGNORE,   /* names of signatures not to use: for libclamav, and for the image */
	SIGNATURE_YARA,     /* rules for libyara */
	SIGNATURE_LEFT_OUT, /* known, and not used: `why` */
};

enum signature_format {
	SIGNATURE_HASH_SIZE, /* ClamAV: digest:size:name[:min[:max]] */
	SIGNATURE_SIZE_HASH, /* ClamAV: size:digest:name[:min[:max]] */
	SIGNATURE_LIST,      /* digest, white space, name: as sha256sum prints it */
};

struct signature_kind {
	const char *suffix; /* ".hdb" */
	enum signature_use use;
	const char *why;
	enum image_list list; /* from here on: of SIGNATURE_IMAGE */
	enum signature_format format;
	bool section; /* of a PE file's sections */
};

/* NULL: none of ours. Case does not matter, as in libclamav. */
const struct signature_kind *signature_kind_of(const char *file_name);

#endif
