from spi_viewer.session.revision_cache import RevisionCache


def test_an_answer_is_computed_once_a_revision():
    cache, computed = RevisionCache(), []

    def ask(question, revision):
        return cache.get(question, revision, lambda: computed.append(question) or revision)

    assert [ask("a", 1), ask("a", 1), ask("b", 1), ask("a", 2), ask("b", 2)] == [1, 1, 1, 2, 2]
    assert computed == ["a", "b", "a", "b"]


def test_an_answer_for_an_older_revision_is_not_mistaken_for_the_newest():
    cache = RevisionCache()
    assert cache.get("a", 5, lambda: "new") == "new"
    assert cache.get("a", 4, lambda: "old") == "old"
    assert cache.get("a", 5, lambda: "never") == "new"
