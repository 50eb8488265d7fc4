"""Mails: headers first, the text once, attachments by name."""

from __future__ import annotations

from email.message import EmailMessage

import pytest

from cortex_engine.core.errors import ParseError
from cortex_engine.core.options import ParseOptions
from cortex_engine.parsing.mail import parse_eml, parse_msg


def parsed(tmp_path, message):
    path = tmp_path / "x.eml"
    path.write_bytes(message if isinstance(message, bytes) else message.as_bytes())
    return parse_eml(path, "x.eml", ParseOptions())


def mail():
    message = EmailMessage()
    message["From"] = "Ann Ö <ann@example.com>"
    message["To"] = "bob@example.com"
    message["Cc"] = "eve@example.com"
    message["Subject"] = "Grüße"
    message["Date"] = "Tue, 01 Oct 2024 12:34:56 -0500"
    return message


def test_headers_text_and_attachments(tmp_path):
    message = mail()
    message.set_content("Hello Bob,\n\nsee below.\n")
    message.add_attachment(b"a,b\n1,2\n", maintype="text", subtype="csv", filename="../t/täble.csv")
    inner = mail()
    inner.replace_header("Subject", "Inner")
    inner.set_content("inside")
    message.add_attachment(inner)
    document = parsed(tmp_path, message)
    assert document.text == (
        "From: Ann Ö <ann@example.com>\nTo: bob@example.com\nCc: eve@example.com\n"
        "Date: Tue, 01 Oct 2024 12:34:56 -0500\nSubject: Grüße\n\nHello Bob,\n\nsee below."
    )
    info = document.info
    assert (info.title, info.author, info.created) == ("Grüße", "Ann Ö <ann@example.com>", "2024-10-01T12:34:56-05:00")
    assert ("cc", "eve@example.com") in info.extra
    assert [attachment.name for attachment in document.attachments] == ["täble.csv", "Inner.eml"]
    assert document.attachments[0].data == b"a,b\n1,2\n"
    assert b"inside" in document.attachments[1].data


def test_html_that_says_the_same_is_left_out(tmp_path):
    message = mail()
    message.set_content("Hello,\n\n- red\n- blue\n\nsee <http://a.b/c> here\n")
    message.add_alternative(
        "<p>Hello,</p><ul><li>red</li><li>blue</li></ul><p>see <a href='http://a.b/c'>here</a></p>", subtype="html"
    )
    assert parsed(tmp_path, message).text.count("red") == 1


def test_html_that_says_more_is_kept(tmp_path):
    message = mail()
    message.set_content("Please use a modern mail program.\n")
    message.add_alternative(
        "<h1>Offer</h1><table><tr><th>Wax</th><th>5</th></tr><tr><td>x</td><td>y</td></tr></table>", "html"
    )
    assert parsed(tmp_path, message).text.endswith("Please use a modern mail program.\n\nOffer\n\nWax | 5\nx | y")


def test_html_alone_is_read(tmp_path):
    message = mail()
    message.set_content("<p>Only <b>this</b></p>", subtype="html")
    assert parsed(tmp_path, message).text.endswith("\n\nOnly this")


@pytest.mark.parametrize(
    "content",
    [
        b"Subject: x\nContent-Type: text/plain; charset=no-such-set\n\nh\xe9llo",
        b"Subject: x\nContent-Type: text/plain; charset=utf-8\n\nh\xe9llo",
        b"Subject: x\n\nh\xe9llo",
    ],
)
def test_wrong_character_sets_do_not_stop_the_mail(tmp_path, content):
    assert parsed(tmp_path, content).text == "Subject: x\n\nhéllo"


def test_broken_headers_and_boundaries_do_not_stop_the_mail(tmp_path):
    content = (
        b"From: =?utf-8?q?broken=\nTo: <<>,@\nDate: never\nSubject: =?x?b?!!?=\n"
        b"Content-Type: multipart/mixed; boundary=a\n\n--b\n\ntext\n"
    )
    document = parsed(tmp_path, content)
    assert document.text.startswith("From:")
    assert document.info.created == ""
    assert any("date" in warning for warning in document.warnings)


def test_parts_nested_without_end_are_refused(tmp_path):
    layers = "".join(f"Content-Type: multipart/mixed; boundary=b{number}\n\n--b{number}\n" for number in range(3000))
    with pytest.raises(ParseError, match="nested"):
        parsed(tmp_path, layers.encode() + b"\nx")


def test_real_mails(data_root):
    folder = data_root / "documents"
    both = parse_eml(folder / "mime-different-plain-html.eml", "m.eml", ParseOptions())
    assert "This is the text/plain part." in both.text
    assert "This is the text/html part." in both.text
    assert both.text.count("Another interesting fact") == 1
    image = parse_eml(folder / "email-with-image.eml", "i.eml", ParseOptions())
    assert [attachment.name for attachment in image.attachments] == ["unstructured_logo.png"]
    with_file = parse_eml(folder / "eml_with_attachment.eml", "a.eml", ParseOptions())
    assert [(attachment.name, len(attachment.data)) for attachment in with_file.attachments] == [("test.txt", 64)]
    encoded = parse_eml(folder / "fake-email-b64.eml", "b.eml", ParseOptions())
    assert "Roses are red" in encoded.text


def test_the_real_outlook_message(data_root):
    path = data_root / "documents" / "fake-email.msg"
    document = parse_msg(path, path.name, ParseOptions())
    assert document.info.title == "Test Email"
    assert document.info.created == "2022-12-16T17:04:16-05:00"
    assert document.text.count("Roses are red") == 1
    assert "mrobinson@unstructured.io" in document.info.author


def test_hostile_mails(data_root):
    folder = data_root / "hostile"
    with pytest.raises(ParseError) as caught:
        parse_eml(folder / "empty.eml", "empty.eml", ParseOptions())
    assert caught.value.reason == "empty"
    malformed = parse_eml(folder / "fake-email-malformed-encoding.eml", "m.eml", ParseOptions())
    assert "This is a test email to use for unit tests." in malformed.text
    dated = parse_eml(folder / "test-invalid-date.eml", "d.eml", ParseOptions())
    assert dated.warnings == ("The date of the mail is not valid: INVALID-DATE-FORMAT.",)


def test_no_outlook_message_is_damaged(tmp_path):
    path = tmp_path / "x.msg"
    path.write_bytes(b"text")
    with pytest.raises(ParseError) as caught:
        parse_msg(path, "x.msg", ParseOptions())
    assert caught.value.reason == "damaged"
