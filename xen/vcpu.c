/* SPDX-License-Identifier: BSD-2-Clause */
#include "xen/vcpu.h"

#include "xen/hypercall.h"

struct vcpu vcpu0;
struct vcpu *vcpu_by_id[VCPUS_MAX];

void vcpu_init(struct vcpu *vcpu, uint32_t id)
{
	vcpu->self = vcpu;
	vcpu->id = id;
	vcpu->info.evtchn_upcall_mask = 1;
}

void vcpu_start(struct vcpu *vcpu, uint32_t id)
{
	vcpu_init(vcpu, id);
#ifdef __stardust__
	(void)hypercall_set_segment_base(SEGBASE_GS_KERNEL, (uintptr_t)vcpu);
#else
	vcpu_host = vcpu;
#endif
	vcpu_by_id[id] = vcpu;
}

/* Xen copies what the old place holds, and marks everything as pending, to be safe: at most there
 * is one upcall that finds nothing. */
int vcpu_register_info(struct vcpu *vcpu, uint64_t mfn)
{
	struct vcpu_register_vcpu_info info = {
		.mfn = mfn,
		.offset = (uintptr_t)&vcpu->info % PAGE_BYTES,
	};

	int error = hypercall_vcpu_op(VCPUOP_register_vcpu_info, vcpu->id, &info);

	vcpu->info.evtchn_upcall_mask = 1;
	return error;
}
