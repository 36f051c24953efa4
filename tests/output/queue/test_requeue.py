from __future__ import annotations

from broadsheet.output.db.transaction import write_transaction
from broadsheet.output.queue.requeue import UNREACHED_HOSTS, PassingReason, Requeuer
from broadsheet.output.queue.rows import Queue
from broadsheet.output.write.archive import Archive


def queue_failed(archive, make, count, state="failed", reason="host_failing:http_503", host="a.test"):
    urls = [make.discovered(f"http://{host}/{reason}{n}", state=state, reason=reason) for n in range(count)]
    Queue(archive.db).add_seeds(urls)


def states(archive):
    return dict(archive.db.execute("SELECT state, count(*) FROM urls GROUP BY state").fetchall())


def test_it_goes_on_step_by_step(archive, make):
    queue_failed(archive, make, 7)
    queue_failed(archive, make, 5, reason="dns")
    queue_failed(archive, make, 3, reason="http_404")
    requeuer = Requeuer(archive.db, UNREACHED_HOSTS)
    steps = []
    while requeuer.has_more:
        steps.append(requeuer.step(4))
    assert (max(steps), sum(steps)) == (4, 12)
    assert states(archive) == {"queued": 12, "failed": 3}


def test_what_fails_again_meanwhile_stays_failed(archive, make):
    queue_failed(archive, make, 6)
    requeuer = Requeuer(archive.db, UNREACHED_HOSTS)
    requeuer.step(2)
    with write_transaction(archive.db):
        archive.db.execute("UPDATE urls SET state = 'failed', reason = 'host_failing:http_503'")
    queue_failed(archive, make, 2, host="new.test")
    while requeuer.has_more:
        requeuer.step(2)
    assert states(archive) == {"queued": 4, "failed": 4}


def test_a_killed_run_leaves_the_rest_to_the_next(file, make):
    with Archive.open(file) as archive:
        queue_failed(archive, make, 6)
        Requeuer(archive.db, UNREACHED_HOSTS).step(2)
    with Archive.open(file) as archive:
        assert archive.requeue(UNREACHED_HOSTS) == 4


def test_a_port_comes_back_alone(archive, make):
    for host in ("a.test:8080", "a.test:80801", "b.test:8080", "a.test:9000"):
        queue_failed(archive, make, 1, state="skipped", reason="port", host=host)
    archive.requeue([PassingReason("skipped", "port", 8080)])
    queued = archive.db.execute("SELECT host FROM urls WHERE state = 'queued' ORDER BY 1").fetchall()
    assert queued == [("a.test:8080",), ("b.test:8080",)]


def test_the_queue_is_not_at_its_end_while_more_is_coming(archive, make):
    queue_failed(archive, make, 3)
    queue = Queue(archive.db)
    requeuer = Requeuer(archive.db, UNREACHED_HOSTS)
    queue.is_still_filling = lambda: requeuer.has_more
    assert not queue.is_empty()
    requeuer.drop_rest()
    assert queue.is_empty()
