/* Words of a text and their hashes: `_text_words` and `_hash_text` of broadsheet.cleaners.judge.hashed_words. */

#include "native.h"

enum { MOST_DIGITS = 4 }; /* a longer number counts as one of so many */

static uint32_t CRC_TABLE[256];

void make_crc_table(void) {
    for (uint32_t n = 0; n < 256; n++) {
        uint32_t value = n;
        for (int bit = 0; bit < 8; bit++)
            value = value & 1 ? 0xedb88320u ^ value >> 1 : value >> 1;
        CRC_TABLE[n] = value;
    }
}

/* Go on with a checksum, as `zlib.crc32(bytes, start)` does. */
static uint32_t continue_crc(const char *bytes, Py_ssize_t size, uint32_t start) {
    uint32_t value = ~start;
    for (Py_ssize_t n = 0; n < size; n++)
        value = CRC_TABLE[(value ^ (unsigned char)bytes[n]) & 0xff] ^ value >> 8;
    return ~value;
}

/* ---------- words ---------- */

typedef struct {
    Py_ssize_t start, size; /* in the words' bytes */
} Word;

typedef struct {
    Buffer bytes; /* the words with a space between them */
    Word *words;
    Py_ssize_t count, capacity;
} Words;

static void free_words(Words *words) {
    free_buffer(&words->bytes);
    PyMem_Free(words->words);
}

static int begin_word(Words *words, Py_ssize_t most_bytes) {
    if (grow_array((void **)&words->words, words->count, &words->capacity, sizeof(Word)) < 0 ||
        reserve_bytes(&words->bytes, most_bytes + 1) < 0)
        return FAILED;
    if (words->count)
        words->bytes.bytes[words->bytes.size++] = ' ';
    words->words[words->count++].start = words->bytes.size;
    return 0;
}

static void end_word(Words *words) {
    Word *word = &words->words[words->count - 1];
    word->size = words->bytes.size - word->start;
}

static int add_number(Words *words, Py_ssize_t digits) {
    Py_ssize_t size = digits < MOST_DIGITS ? digits : MOST_DIGITS;
    if (begin_word(words, size) < 0)
        return FAILED;
    memset(words->bytes.bytes + words->bytes.size, '#', (size_t)size);
    words->bytes.size += size;
    end_word(words);
    return 0;
}

static int is_letter(unsigned char byte) { return (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z'; }

static int is_digit(unsigned char byte) { return byte >= '0' && byte <= '9'; }

static int split_ascii(Words *words, const char *text, Py_ssize_t size) {
    Py_ssize_t at = 0;
    while (at < size) {
        Py_ssize_t start = at;
        if (is_letter((unsigned char)text[at])) {
            while (at < size && is_letter((unsigned char)text[at]))
                at++;
            if (begin_word(words, at - start) < 0)
                return FAILED;
            for (Py_ssize_t n = start; n < at; n++)
                words->bytes.bytes[words->bytes.size++] = (char)(text[n] | 0x20);
            end_word(words);
        } else if (is_digit((unsigned char)text[at])) {
            while (at < size && is_digit((unsigned char)text[at]))
                at++;
            if (add_number(words, at - start) < 0)
                return FAILED;
        } else {
            at++;
        }
    }
    return 0;
}

/* Append a character as UTF-8, a lone surrogate as any other. The buffer must have four bytes left. */
static void append_character(Buffer *target, Py_UCS4 character) {
    int rest = character < 0x80 ? 0 : character < 0x800 ? 1 : character < 0x10000 ? 2 : 3; /* bytes after the first */
    static const unsigned char leads[] = {0, 0xc0, 0xe0, 0xf0};
    target->bytes[target->size++] = (char)(leads[rest] | character >> 6 * rest);
    while (rest-- > 0)
        target->bytes[target->size++] = (char)(0x80 | (character >> 6 * rest & 0x3f));
}

static int is_word_character(Py_UCS4 character) {
    return Py_UNICODE_ISALNUM(character) && !Py_UNICODE_ISDECIMAL(character);
}

/* Return whether a character is kana or a CJK ideograph, which have no spaces between words. */
static int is_unspaced(Py_UCS4 character) {
    return (character >= 0x3040 && character <= 0x30ff) || (character >= 0x4e00 && character <= 0x9fff);
}

static int add_characters(Words *words, PyObject *text, Py_ssize_t start, Py_ssize_t end) {
    int kind = PyUnicode_KIND(text);
    const void *data = PyUnicode_DATA(text);
    if (begin_word(words, 4 * (end - start)) < 0)
        return FAILED;
    for (Py_ssize_t n = start; n < end; n++)
        append_character(&words->bytes, PyUnicode_READ(kind, data, n));
    end_word(words);
    return 0;
}

/* Add a run of word characters: a number, pairs of characters of an unspaced script, or a word. */
static int add_word(Words *words, PyObject *text, Py_ssize_t start, Py_ssize_t end) {
    int kind = PyUnicode_KIND(text), has_unspaced = 0;
    const void *data = PyUnicode_DATA(text);
    Py_UCS4 first = PyUnicode_READ(kind, data, start);
    if (first < 'a' || (first > 0x7f && Py_UNICODE_ISDIGIT(first)))
        return add_number(words, end - start);
    for (Py_ssize_t n = start; n < end && !has_unspaced; n++)
        has_unspaced = is_unspaced(PyUnicode_READ(kind, data, n));
    if (!has_unspaced || end - start < 2)
        return add_characters(words, text, start, end);
    for (Py_ssize_t n = start; n + 1 < end; n++)
        if (add_characters(words, text, n, n + 2) < 0)
            return FAILED;
    return 0;
}

static int split_folded(Words *words, PyObject *text) {
    int kind = PyUnicode_KIND(text);
    const void *data = PyUnicode_DATA(text);
    Py_ssize_t size = PyUnicode_GET_LENGTH(text), at = 0;
    while (at < size) {
        Py_ssize_t start = at;
        if (is_word_character(PyUnicode_READ(kind, data, at)))
            while (at < size && is_word_character(PyUnicode_READ(kind, data, at)))
                at++;
        else
            while (at < size && Py_UNICODE_ISDECIMAL(PyUnicode_READ(kind, data, at)))
                at++;
        if (at == start)
            at++;
        else if (add_word(words, text, start, at) < 0)
            return FAILED;
    }
    return 0;
}

static int split_text(Words *words, PyObject *text) {
    if (PyUnicode_IS_ASCII(text))
        return split_ascii(words, (const char *)PyUnicode_1BYTE_DATA(text), PyUnicode_GET_LENGTH(text));
    PyObject *folded = PyObject_CallMethod(text, "casefold", NULL);
    int status = folded == NULL ? FAILED : split_folded(words, folded);
    Py_XDECREF(folded);
    return status;
}

/* join_words(text) -> bytes: the words of a text as they count, with a space between them. */
PyObject *join_words(PyObject *Py_UNUSED(module), PyObject *arguments) {
    Words words = {{NULL, 0, 0}, NULL, 0, 0};
    PyObject *text, *joined = NULL;
    if (PyArg_ParseTuple(arguments, "U:join_words", &text) && split_text(&words, text) == 0)
        joined = PyBytes_FromStringAndSize(words.bytes.bytes, words.bytes.size);
    free_words(&words);
    return joined;
}

/* ---------- hashes ---------- */

typedef struct {
    uint32_t here, beside, line, first, last, first_two; /* what the checksums of words go on from */
    uint32_t first_words, label_words;
} Plan;

typedef struct {
    uint32_t *hashes; /* distinct, in the order in which they came */
    uint32_t count, slot_count;
    uint32_t *slots; /* number of a hash + 1, 0 where free */
} HashSet;

static void put_hash(HashSet *set, uint32_t hash) {
    uint32_t slot = hash & (set->slot_count - 1);
    for (; set->slots[slot]; slot = (slot + 1) & (set->slot_count - 1))
        if (set->hashes[set->slots[slot] - 1] == hash)
            return;
    set->hashes[set->count++] = hash;
    set->slots[slot] = set->count;
}

static uint32_t hash_word(const Words *words, Py_ssize_t number, uint32_t start) {
    const Word *word = &words->words[number];
    return continue_crc(words->bytes.bytes + word->start, word->size, start);
}

static void put_hashes(HashSet *set, const Words *words, const Plan *plan) {
    Py_ssize_t count = words->count < (Py_ssize_t)plan->first_words ? words->count : (Py_ssize_t)plan->first_words;
    for (Py_ssize_t n = 0; n < count; n++)
        put_hash(set, hash_word(words, n, plan->here));
    for (Py_ssize_t n = 1; n < count; n++)
        put_hash(set, hash_word(words, n, continue_crc(" ", 1, hash_word(words, n - 1, plan->beside))));
    if (words->count <= (Py_ssize_t)plan->label_words)
        put_hash(set, continue_crc(words->bytes.bytes, words->bytes.size, plan->line));
    if (words->count) {
        put_hash(set, hash_word(words, 0, plan->first));
        put_hash(set, hash_word(words, words->count - 1, plan->last));
    }
    if (words->count > 1) {
        const Word *second = &words->words[1];
        put_hash(set, continue_crc(words->bytes.bytes, second->start + second->size, plan->first_two));
    }
}

/* Make room for so many hashes. */
static int begin_hashes(HashSet *set, uint32_t most) {
    *set = (HashSet){NULL, 0, 16, NULL};
    while (set->slot_count < 2 * most)
        set->slot_count *= 2;
    set->hashes = PyMem_Calloc(most + set->slot_count, sizeof *set->hashes);
    if (set->hashes == NULL) {
        PyErr_NoMemory();
        return FAILED;
    }
    set->slots = set->hashes + most;
    return 0;
}

static PyObject *pack_hashes(HashSet *set) {
    Py_ssize_t size = (Py_ssize_t)(set->count * sizeof *set->hashes);
    PyObject *packed = PyBytes_FromStringAndSize((const char *)set->hashes, size);
    PyMem_Free(set->hashes);
    return packed;
}

/* hash_words(text, plan) -> bytes: the hashes of a text's words, its pairs of neighbours, its beginning and end.
 *
 * `plan` are eight 32-bit numbers as the machine has them; see `Plan`. */
PyObject *hash_words(PyObject *Py_UNUSED(module), PyObject *arguments) {
    PyObject *text, *packed = NULL;
    const char *plan_bytes;
    Py_ssize_t plan_size;
    Plan plan;
    HashSet set;
    Words words = {{NULL, 0, 0}, NULL, 0, 0};
    if (!PyArg_ParseTuple(arguments, "Uy#:hash_words", &text, &plan_bytes, &plan_size))
        return NULL;
    if (plan_size == sizeof plan)
        memcpy(&plan, plan_bytes, sizeof plan);
    if (plan_size != sizeof plan || plan.first_words > 1000) {
        PyErr_SetString(PyExc_ValueError, "a plan has eight 32-bit numbers, and at most 1000 words count");
        return NULL;
    }
    if (split_text(&words, text) == 0 && begin_hashes(&set, 2 * plan.first_words + 4) == 0) {
        put_hashes(&set, &words, &plan);
        packed = pack_hashes(&set);
    }
    free_words(&words);
    return packed;
}

/* ---------- names ---------- */

enum { NEARNESS_COUNT = 3 };

typedef struct {
    uint32_t by_nearness[NEARNESS_COUNT], anywhere, near_steps;
} NamePlan;

/* Put the hashes of an id or class: of each of its words, and of all of them if they are several. */
static void put_name(HashSet *set, const char *name, const char *end, const uint32_t starts[2]) {
    uint32_t joined[2] = {starts[0], starts[1]};
    int count = 0;
    for (const char *start = name; start < end; start = name) {
        for (name = start; name < end && is_letter((unsigned char)*name);)
            name++;
        if (name - start >= 2) {
            for (int n = 0; n < 2; n++) {
                joined[n] = continue_crc(start, name - start, count ? continue_crc("-", 1, joined[n]) : joined[n]);
                put_hash(set, continue_crc(start, name - start, starts[n]));
            }
            count++;
        }
        name += name == start;
    }
    for (int n = 0; n < 2 && count > 1; n++)
        put_hash(set, joined[n]);
}

/* Put the hashes of a step's ids and classes, and return the size of its tag. */
static Py_ssize_t put_step(HashSet *set, const char *step, const char *end, const uint32_t starts[2]) {
    Py_ssize_t tag_size = 0;
    while (step + tag_size < end && step[tag_size] != '.' && step[tag_size] != '#')
        tag_size++;
    for (const char *name = step + tag_size, *next; name < end; name = next) {
        for (next = name + 1; next < end && *next != '.' && *next != '#';)
            next++;
        put_name(set, name + 1, next, starts);
    }
    return tag_size;
}

static void put_path(HashSet *set, const char *lower, const char *path, Py_ssize_t size, const NamePlan *plan) {
    Py_ssize_t tag_starts[2] = {0, 0}, tag_sizes[2] = {0, 0};
    uint32_t up = 0;
    for (Py_ssize_t end = size, start = end; start >= 0; end = start - 1, up++) {
        for (start = end; start > 0 && lower[start - 1] != '>';)
            start--;
        uint32_t starts[2] = {plan->by_nearness[up == 0 ? 0 : up < plan->near_steps ? 1 : 2], plan->anywhere};
        Py_ssize_t tag_size = put_step(set, lower + start, lower + end, starts);
        if (up < 2) {
            tag_starts[up] = start;
            tag_sizes[up] = tag_size;
        }
        if (start == 0)
            break;
    }
    uint32_t tags = continue_crc(path + tag_starts[0], tag_sizes[0], continue_crc("leaf:", 5, 0));
    put_hash(set, continue_crc(path + tag_starts[1], tag_sizes[1], continue_crc("<", 1, tags)));
}

/* hash_names(path, lower, plan) -> bytes: the hashes of the names along a block's path; empty if it is not ASCII.
 *
 * `lower` is the path in lower case, `plan` are five 32-bit numbers as the machine has them; see `NamePlan`. */
PyObject *hash_names(PyObject *Py_UNUSED(module), PyObject *arguments) {
    PyObject *path, *lower;
    const char *plan_bytes;
    Py_ssize_t plan_size;
    NamePlan plan;
    HashSet set;
    if (!PyArg_ParseTuple(arguments, "UUy#:hash_names", &path, &lower, &plan_bytes, &plan_size))
        return NULL;
    Py_ssize_t size = PyUnicode_GET_LENGTH(path);
    if (!PyUnicode_IS_ASCII(path) || !PyUnicode_IS_ASCII(lower) || PyUnicode_GET_LENGTH(lower) != size ||
        plan_size != sizeof plan || size > 1 << 20)
        return PyBytes_FromStringAndSize(NULL, 0);
    memcpy(&plan, plan_bytes, sizeof plan);
    if (begin_hashes(&set, 2 * (uint32_t)size + 4) < 0)
        return NULL;
    put_path(&set, PyUnicode_DATA(lower), PyUnicode_DATA(path), size, &plan);
    return pack_hashes(&set);
}
