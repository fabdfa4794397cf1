# SPDX-License-Identifier: BSD-2-Clause
# gdb on the build machine, through the box's forwarded port.
set pagination off
set confirm off
set height 0
break do_job
continue
backtrace
print *todo
print factor
print $xmm0.v2_double[0]
print $fs_base != 0
info registers rip
finish
next
info threads
thread apply all backtrace 2
delete
watch total
continue
delete
break do_job if todo->number % 100 == 0
continue
print todo->number % 100
print todo->number / 100 > 0
stepi
x/2i $pc
monitor threads
monitor heap
set var todo->weight = 2.5
print todo->weight
delete
detach
