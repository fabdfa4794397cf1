# SPDX-License-Identifier: BSD-2-Clause
"""drgn at what duster's `export` wrote: look.py CORE IMAGE."""
import sys

import drgn

program = drgn.Program()
program.set_core_dump(sys.argv[1])
program.load_debug_info([sys.argv[2]])
node = program["list"]
print(node.name.string_().decode(), node.colour.format_(type_name=False), node.at.x.value_(), node.at.y.value_(), node.real.value_(),
      node.high.value_())
names = []
while node:
    names.append(node.name.string_().decode())
    node = node.next
print("names", *names)
print("greeting", program["greeting"].string_().decode())
for thread in program.threads():
    print("frames", *(frame.name or "?" for frame in thread.stack_trace()))
