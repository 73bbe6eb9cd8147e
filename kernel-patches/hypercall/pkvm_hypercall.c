// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/pkvm-hypercall: makes the hypercalls of a host that doesn't keep to the
 * rules, for the tests of what the hypervisor says to them.
 *
 * Write "FD VCPU NAME ARGUMENT...", then read what the hypercall returned, in
 * decimal. FD is a VM's and VCPU the index of a vCPU of it that isn't running:
 * it is loaded for the length of the call, as the calls about a guest's memory
 * need it. NAME is the hypercall's, and an ARGUMENT a number, or "vm" for the
 * handle by which the hypervisor knows the VM.
 *
 * For kernels that are tested on: whoever may open this owns the machine.
 */
#include <linux/arm-smccc.h>
#include <linux/file.h>
#include <linux/kvm_host.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/uaccess.h>
#include <asm/kvm_asm.h>

#define MAX_ARGUMENTS 6
#define MAX_REQUEST   256

struct hypercall {
	const char *name;
	u32 id;
};

/* clang-format off */
#define HYPERCALL(fn) { .name = #fn, .id = KVM_HOST_SMCCC_FUNC(fn) }
/* clang-format on */

static const struct hypercall hypercalls[] = {
	HYPERCALL(__pkvm_host_share_hyp),
	HYPERCALL(__pkvm_host_unshare_hyp),
	HYPERCALL(__pkvm_host_donate_guest),
	HYPERCALL(__pkvm_host_share_guest),
	HYPERCALL(__pkvm_host_unshare_guest),
	HYPERCALL(__pkvm_force_reclaim_guest_page),
	HYPERCALL(__pkvm_reclaim_dying_guest_page),
};

struct last_result {
	struct mutex lock;
	bool valid;
	long value;
};

static u64 hvc(u32 id, const u64 *args)
{
	struct arm_smccc_res res;

	arm_smccc_1_1_hvc(id, args[0], args[1], args[2], args[3], args[4],
			  args[5], &res);
	/* Not one of the hypervisor's own answers: it doesn't know the call. */
	if (res.a0 != SMCCC_RET_SUCCESS)
		return -EOPNOTSUPP;

	return res.a1;
}

static u32 find_hypercall(const char *name)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(hypercalls); i++) {
		if (!strcmp(hypercalls[i].name, name))
			return hypercalls[i].id;
	}

	return 0;
}

/* Holds a reference to the file, for the VM to stay. */
static struct file *get_vm(const char *number)
{
	struct file *file;
	unsigned int fd;
	int ret;

	ret = kstrtouint(number, 0, &fd);
	if (ret)
		return ERR_PTR(ret);

	file = fget(fd);
	if (!file)
		return ERR_PTR(-EBADF);

	if (strncmp(file_dentry(file)->d_name.name, "kvm-vm", 6)) {
		fput(file);
		return ERR_PTR(-EINVAL);
	}

	return file;
}

static int call(struct last_result *last, char *request)
{
	u64 args[MAX_ARGUMENTS] = {}, load[MAX_ARGUMENTS] = {};
	char *fd, *vcpu, *name, *word;
	pkvm_handle_t handle;
	struct file *file;
	int ret, i = 0;
	u32 id;

	fd = strsep(&request, " ");
	vcpu = strsep(&request, " ");
	name = strsep(&request, " ");
	id = name ? find_hypercall(name) : 0;
	if (!id)
		return -EINVAL;

	file = get_vm(fd);
	if (IS_ERR(file))
		return PTR_ERR(file);

	handle = ((struct kvm *)file->private_data)->arch.pkvm.handle;
	load[0] = handle;
	ret = kstrtou64(vcpu, 0, &load[1]);
	while (!ret && (word = strsep(&request, " "))) {
		if (i == MAX_ARGUMENTS)
			ret = -E2BIG;
		else if (!strcmp(word, "vm"))
			args[i++] = handle;
		else
			ret = kstrtou64(word, 0, &args[i++]);
	}

	if (!ret) {
		preempt_disable();
		hvc(KVM_HOST_SMCCC_FUNC(__pkvm_vcpu_load), load);
		last->value = hvc(id, args);
		hvc(KVM_HOST_SMCCC_FUNC(__pkvm_vcpu_put), load);
		preempt_enable();
		last->valid = true;
	}

	fput(file);
	return ret;
}

static ssize_t hypercall_write(struct file *file, const char __user *text,
			       size_t size, loff_t *pos)
{
	struct last_result *last = file->private_data;
	char request[MAX_REQUEST];
	int ret;

	if (size >= sizeof(request))
		return -E2BIG;
	if (copy_from_user(request, text, size))
		return -EFAULT;
	request[size] = 0;

	mutex_lock(&last->lock);
	ret = call(last, request);
	mutex_unlock(&last->lock);

	return ret ?: size;
}

static ssize_t hypercall_read(struct file *file, char __user *text, size_t size,
			      loff_t *pos)
{
	struct last_result *last = file->private_data;
	char answer[24];
	int length = -ENODATA;

	mutex_lock(&last->lock);
	if (last->valid)
		length = scnprintf(answer, sizeof(answer), "%ld", last->value);
	mutex_unlock(&last->lock);
	if (length < 0)
		return length;

	*pos = 0;
	return simple_read_from_buffer(text, size, pos, answer, length);
}

static int hypercall_open(struct inode *inode, struct file *file)
{
	struct last_result *last = kzalloc(sizeof(*last), GFP_KERNEL);

	if (!last)
		return -ENOMEM;

	mutex_init(&last->lock);
	file->private_data = last;
	return 0;
}

static int hypercall_release(struct inode *inode, struct file *file)
{
	kfree(file->private_data);
	return 0;
}

static const struct file_operations hypercall_fops = {
	.owner = THIS_MODULE,
	.open = hypercall_open,
	.write = hypercall_write,
	.read = hypercall_read,
	.release = hypercall_release,
};

static struct miscdevice hypercall_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "pkvm-hypercall",
	.mode = 0600,
	.fops = &hypercall_fops,
};
module_misc_device(hypercall_device);

MODULE_DESCRIPTION("Hypercalls of a host that doesn't keep to the rules");
MODULE_LICENSE("GPL");
