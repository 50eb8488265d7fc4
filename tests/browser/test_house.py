"""The watch itself: what it must catch, it catches."""

from __future__ import annotations

from browser_kit.trap import Trap


def test_a_request_to_another_host_and_a_dialog_are_noticed(page):
    trap = Trap()
    try:
        page.set_content(
            f"<img src='{trap.address}/picture.png'><script>alert('here'); setTimeout(() => {{ throw Error('loose') }})</script>"
        )
        page.wait_for_timeout(300)
    finally:
        trap.close()
    assert page.watch.outside == [f"{trap.address}/picture.png"]
    assert trap.hits == ["GET /picture.png"]
    assert page.watch.dialogs == ["alert: here"]
    assert len(page.watch.errors) == 1
    page.watch.forget()


def test_a_page_that_asks_nobody_is_clean(page):
    page.set_content("<p>Nothing to see.</p><img src='data:image/gif;base64,R0lGODlhAQABAAAAACw='>")
    page.wait_for_timeout(100)
    page.watch.assert_clean()
