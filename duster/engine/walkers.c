/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Functions of duster's own in expressions, which walk data of the guest:
 *
 *   $list(HEAD, TYPE, MEMBER)   an array of TYPE *, the elements of a ring of links: HEAD is the
 * address of a struct whose first pointer member leads to the next link and that is not itself part
 * of an element; links are MEMBERs of TYPE. $chain(FIRST, MEMBER)       an array of pointers:
 * FIRST, FIRST->MEMBER, … up to NULL
 *   $tree(ROOT, LEFT, RIGHT)  an array of pointers: the nodes of a binary tree in their order
 *   $count(ARRAY)             elements of an array
 *
 * Walks end after WALK_MAX elements and where the data goes in a circle.
 */
#include <errno.h>
#include <string.h>

#include "duster/engine/parse.h"
#include "duster/util/map.h"

#define WALK_MAX       100000u
#define TREE_DEPTH_MAX 1000u

struct walked {
	uint64_t *addrs;
	size_t count, room;
	struct map seen;
};

static int visit(struct parser *parser, struct walked *walked, uint64_t addr)
{
	uint64_t seen;
	int error;

	if (map_get(&walked->seen, addr, &seen))
		return parse_fail(parser, parser->token, -ELOOP,
				  "the list goes in a circle behind %zu elements (0x%llx comes "
				  "again)",
				  walked->count, (unsigned long long)addr);
	if (walked->count >= WALK_MAX)
		return parse_fail(parser, parser->token, -E2BIG,
				  "the list has more than %u elements", WALK_MAX);
	error = map_put(&walked->seen, addr, 1);
	if (error)
		return parse_fail(parser, parser->token, error, "out of memory");
	if (walked->count == walked->room) {
		size_t room = walked->room ? 2 * walked->room : 64;
		uint64_t *more = arena_array(&parser->session->arena, room, sizeof(*more));

		if (walked->count)
			memcpy(more, walked->addrs, walked->count * sizeof(*more));
		walked->addrs = more;
		walked->room = room;
	}
	walked->addrs[walked->count++] = addr;
	return 0;
}

static struct value *pointers(struct session *session, const struct walked *walked,
			      struct type *target)
{
	struct type *type = type_make_array(
		&session->kept, type_make_pointer(&session->kept, target), walked->count);
	struct value *value;

	type->image = session->image;
	value = value_new(session, type);
	if (walked->count)
		memcpy(value->bytes, walked->addrs, walked->count * 8);
	return value;
}

/* The offset of the first pointer in the struct of links: `next`, whatever it is called. */
static bool next_offset(struct type *link, uint64_t *offset_out)
{
	size_t count;
	const struct member *members = type_members(link, &count);

	for (size_t i = 0; i < count; i++)
		if (members[i].name && strcmp(members[i].name, "next") == 0) {
			*offset_out = members[i].offset;
			return true;
		}
	for (size_t i = 0; i < count; i++)
		if (members[i].type && type_strip(members[i].type)->kind == TYPE_POINTER) {
			*offset_out = members[i].offset;
			return true;
		}
	return false;
}

static int comma(struct parser *parser)
{
	return parse_accept(parser, ',')
		       ? 0
		       : parse_fail(parser, parser->token, -EINVAL, "`,` is missing");
}

static int member_name(struct parser *parser, const char **name_out)
{
	if (parser->token->kind != TOKEN_NAME)
		return parse_fail(parser, parser->token, -EINVAL, "a member's name is wanted here");
	*name_out = parser->token++->text;
	return 0;
}

static int list_arguments(struct parser *parser, uint64_t *head_out, struct type **type_out,
			  const char **member_out)
{
	struct value *head;
	int error = parse_assignment(parser, &head);

	if (!error)
		error = value_number(parser->session, head, head_out, parser->problem);
	if (!error)
		error = comma(parser);
	if (!error && !parse_begins_type(parser))
		error = parse_fail(parser, parser->token, -EINVAL, "a type is wanted here");
	if (!error)
		error = parse_type(parser, type_out);
	if (!error)
		error = comma(parser);
	return error ? error : member_name(parser, member_out);
}

static int walk_list(struct parser *parser, struct value **value_out)
{
	struct walked walked = {0};
	const struct member *member;
	struct type *type, *link;
	const char *name = NULL;
	uint64_t head, at, offset, next;
	int error = list_arguments(parser, &head, &type, &name);

	if (error)
		return error;
	member = type_find_member(type, name, &offset);
	link = member ? type_strip(member->type) : NULL;
	if (!link || link->kind != TYPE_STRUCT || !next_offset(link, &next))
		return parse_fail(parser, parser->token - 1, -EINVAL, "%s is no struct of links",
				  name);
	for (at = head; !error && !parser->session->skip;) {
		if (session_read(parser->session, at + next, &at, 8)) {
			error = parse_fail(parser, parser->token, -EFAULT,
					   "Cannot access memory at address 0x%llx (behind %zu "
					   "elements of the list)",
					   (unsigned long long)(at + next), walked.count);
			break;
		}
		if (at == head || at == 0)
			break;
		error = visit(parser, &walked, at - offset);
	}
	if (!error)
		*value_out = pointers(parser->session, &walked, type);
	map_free(&walked.seen);
	return error;
}

static int walk_chain(struct parser *parser, struct value **value_out)
{
	struct session *session = parser->session;
	struct walked walked = {0};
	struct type *pointer;
	struct value *first;
	const char *name = NULL;
	uint64_t at = 0, offset = 0;
	int error = parse_assignment(parser, &first);

	if (!error)
		error = comma(parser);
	if (!error)
		error = member_name(parser, &name);
	if (!error)
		error = value_number(session, first, &at, parser->problem);
	if (error)
		return error;
	pointer = type_strip(first->type);
	if (pointer->kind != TYPE_POINTER || !type_find_member(type_target(pointer), name, &offset))
		return parse_fail(parser, parser->token - 1, -EINVAL,
				  "the first argument points to nothing with a member %s", name);
	while (!error && at && !session->skip) {
		error = visit(parser, &walked, at);
		if (!error && session_read(session, at + offset, &at, 8))
			error = parse_fail(parser, parser->token, -EFAULT,
					   "Cannot access memory at address 0x%llx",
					   (unsigned long long)(at + offset));
	}
	if (!error)
		*value_out = pointers(session, &walked, type_target(pointer));
	map_free(&walked.seen);
	return error;
}

struct tree {
	struct parser *parser;
	struct walked walked;
	uint64_t left, right; /* offsets */
};

/* In order: what hangs to the left, the node, what hangs to the right. */
static int visit_tree(struct tree *tree, uint64_t node, unsigned int depth)
{
	uint64_t left, right;
	int error;

	if (!node)
		return 0;
	if (depth > TREE_DEPTH_MAX)
		return parse_fail(tree->parser, tree->parser->token, -ELOOP,
				  "the tree is deeper than %u nodes: it goes in a circle",
				  TREE_DEPTH_MAX);
	if (session_read(tree->parser->session, node + tree->left, &left, 8) ||
	    session_read(tree->parser->session, node + tree->right, &right, 8))
		return parse_fail(tree->parser, tree->parser->token, -EFAULT,
				  "Cannot access memory at address 0x%llx",
				  (unsigned long long)(node + tree->left));
	error = visit_tree(tree, left, depth + 1);
	if (!error)
		error = visit(tree->parser, &tree->walked, node);
	return error ? error : visit_tree(tree, right, depth + 1);
}

static int walk_tree(struct parser *parser, struct value **value_out)
{
	struct tree tree = {.parser = parser};
	const char *left = NULL, *right = NULL;
	struct type *pointer;
	struct value *root;
	uint64_t node = 0;
	int error = parse_assignment(parser, &root);

	if (!error)
		error = comma(parser);
	if (!error)
		error = member_name(parser, &left);
	if (!error)
		error = comma(parser);
	if (!error)
		error = member_name(parser, &right);
	if (!error)
		error = value_number(parser->session, root, &node, parser->problem);
	if (error)
		return error;
	pointer = type_strip(root->type);
	if (pointer->kind != TYPE_POINTER ||
	    !type_find_member(type_target(pointer), left, &tree.left) ||
	    !type_find_member(type_target(pointer), right, &tree.right))
		return parse_fail(parser, parser->token - 1, -EINVAL,
				  "the first argument points to nothing with members %s and %s",
				  left, right);
	if (!parser->session->skip)
		error = visit_tree(&tree, node, 0);
	if (!error)
		*value_out = pointers(parser->session, &tree.walked, type_target(pointer));
	map_free(&tree.walked.seen);
	return error;
}

static int count_elements(struct parser *parser, struct value **value_out)
{
	struct value *array;
	int error = parse_assignment(parser, &array);

	if (error)
		return error;
	if (type_strip(array->type)->kind != TYPE_ARRAY)
		return parse_fail(parser, parser->token - 1, -EINVAL, "$count takes an array");
	*value_out = value_int(parser->session, BASE_ULONG, type_strip(array->type)->count);
	return 0;
}

int parse_builtin(struct parser *parser, const struct token *name, bool *found_out,
		  struct value **value_out)
{
	static const struct {
		const char *name;
		int (*run)(struct parser *parser, struct value **value_out);
	} builtins[] = {{"list", walk_list},
			{"chain", walk_chain},
			{"tree", walk_tree},
			{"count", count_elements}};

	for (unsigned int i = 0; i < sizeof(builtins) / sizeof(builtins[0]); i++) {
		int error;

		if (strcmp(builtins[i].name, name->text) != 0)
			continue;
		*found_out = true;
		parser->token++;
		error = builtins[i].run(parser, value_out);
		if (!error && !parse_accept(parser, ')'))
			error = parse_fail(parser, parser->token, -EINVAL, "`)` is missing");
		return error;
	}
	*found_out = false;
	return 0;
}
