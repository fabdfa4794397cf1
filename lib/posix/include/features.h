/* SPDX-License-Identifier: BSD-2-Clause */
/* <features.h>: some programs include it by this name. */
#ifndef _FEATURES_H
#define _FEATURES_H

#include <sys/features.h>

#endif
