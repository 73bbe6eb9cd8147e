// SPDX-License-Identifier: Apache-2.0
//
// The kernel's interface to vhost, without the part that is no C++: the ring layouts of before
// virtio 1.0.
#pragma once

#ifndef VIRTIO_RING_NO_LEGACY
#define VIRTIO_RING_NO_LEGACY
#endif
#include <linux/vhost.h>
