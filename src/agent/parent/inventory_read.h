/* What this computer is, for its state: read below the root folder, without running anything and without the network.
 */
#ifndef INVENTORY_READ_H
#define INVENTORY_READ_H

#include "state.h"

struct inventory_texts; /* owns the texts of the inventory */

/* Reads all anew into *ret; the texts live until the next reading into the same `texts` or inventory_free. */
int inventory_new(struct inventory_texts **ret);
void inventory_free(struct inventory_texts *t);
void inventory_read(int root, struct inventory_texts *texts, struct inventory *ret);

#endif
