/* The names by which processes speak of things. All random ids are 16 bytes, written as 32 lower-case hex digits. */
#ifndef IDS_H
#define IDS_H

#include <stdint.h>

enum { ID_BYTES = 16, ID_TEXT = 33, SHA256_BYTES = 32, MD5_BYTES = 16, SECRET_BYTES = 32 };

typedef struct {
	uint8_t b[ID_BYTES];
} id16;

/* The node of the tree that is the province itself; it exists from the store's creation on. */
enum { NODE_PROVINCE = 1 };

#endif
