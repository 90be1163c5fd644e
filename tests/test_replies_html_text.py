"""A reply written in HTML becomes the lines that its author saw, history of known programs left out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp.replies.html_tags import tokens
from fluenzr_smtp.replies.html_text import text_of_html
from fluenzr_smtp.replies.own_text import own_text

OWN = "<div>Thank you.</div>"
OLD = "<div>Does Monday suit you?</div>"
SAID = "On Mon, 3 Mar 2025 at 10:00, Jane &lt;jane@example.com&gt; wrote:"

CLIENTS = {
    "gmail": f'{OWN}<br><div class="gmail_quote gmail_quote_container"><div dir="ltr"'
    f' class="gmail_attr">{SAID}<br>'
    f'</div><blockquote class="gmail_quote" style="margin:0px 0px 0px 0.8ex">{OLD}</blockquote></div>',
    "gmail-unknown-language": f'{OWN}<div class="gmail_quote"><div class="gmail_attr">Jane skrifaði</div>'
    f'<blockquote class="gmail_quote">{OLD}</blockquote></div>',
    "gmail-2015": f'{OWN}<div class="gmail_extra"><br><div class="gmail_quote">{SAID}<br>'
    f'<blockquote class="gmail_quote">{OLD}</blockquote></div></div>',
    "gmail-forward": f'{OWN}<div class="gmail_quote"><div class="gmail_attr">---------- Forwarded'
    " message ---------"
    f"<br>From: Jane</div>{OLD}<div class=gmail_quote><blockquote"
    " class=gmail_quote>older</blockquote></div>late</div>",
    "gmail-signature": f'{OWN}<span class="gmail_signature_prefix">-- </span><br><div'
    ' class="gmail_signature">John</div>',
    "outlook-web": f'{OWN}<div id="appendonsend"></div><hr><div id="divRplyFwdMsg"><b>From:</b> J</div>{OLD}',
    "outlook-web-nothing-appended": f'{OWN}<hr><div id="divRplyFwdMsg"><b>From:</b> J</div>{OLD}',
    "outlook-desktop": f"<p class=MsoNormal>Thank you.</p><div><div"
    ' style="border:none;border-top:solid #E1E1E1 1.0pt;'
    f'padding:3.0pt 0cm 0cm 0cm"><p class=MsoNormal><b>Von:</b> Jane</p></div></div>{OLD}',
    "outlook-2007": f"{OWN}<div style='border:none;border-top:solid #B5C4DF 1.0pt'>Von: Jane</div>{OLD}",
    "outlook-mobile": f'{OWN}<div id="mail-editor-reference-message-container">{OLD}</div>',
    "outlook-without-container": f"{OWN}<hr><p><b>From:</b> Jane<br><b>Sent:</b>"
    " Monday<br><b>To:</b> John<br>"
    f"<b>Subject:</b> Offer</p>{OLD}",
    "yahoo": f'{OWN}<div id="yahoo_quoted_1" class="yahoo_quoted"><div>{SAID}</div>{OLD}</div>',
    "thunderbird": f'{OWN}<div class="moz-cite-prefix">{SAID}<br></div><blockquote type="cite"'
    f' cite="mid:x">{OLD}'
    '</blockquote><pre class="moz-signature" cols="72">-- \nJohn</pre>',
    "thunderbird-untyped": f'{OWN}<div class="moz-cite-prefix">Jane:</div>\n<blockquote>{OLD}</blockquote>',
    "thunderbird-forward": f'{OWN}<div class="moz-forward-container">-------- Forwarded Message'
    f" --------{OLD}</div>",
    "proton": f'{OWN}<div class="protonmail_quote">{SAID}<br><blockquote class="protonmail_quote"'
    f' type="cite">{OLD}'
    "</blockquote><br></div>",
    "zoho": f'{OWN}<div class="zmail_extra"><div id="Zm-_Id_-Sgn1">---- {SAID[:-1]} ----</div><br>'
    f'<blockquote id="blockquote_zmail">{OLD}</blockquote></div>',
    "gmx": f'{OWN}<div name="quote" style="margin:10px 5px"><div><b>Gesendet:</b>'
    " Montag<br><b>Von:</b> J</div>"
    f'<div name="quoted-content">{OLD}</div></div>',
    "apple": f'{OWN}<div><br><blockquote type="cite"><div>{SAID}</div>{OLD}</blockquote></div><br>',
    "apple-outside": f"{OWN}<div>{SAID}</div><br><blockquote type=cite>{OLD}</blockquote>",
    "roundcube": f'{OWN}<p id="reply-intro">{SAID}</p><blockquote type="cite">{OLD}</blockquote>',
    "ordinary-quotation-below-attribution": f"{OWN}<p>{SAID}</p><blockquote>{OLD}</blockquote>",
}

LAYOUT = {
    "lines-of-divs": ("<div>a</div><div><br></div><div>b</div>", "a\n\nb"),
    "paragraphs": ("<p>a</p>\n<p>b</p>", "a\n\nb"),
    "paragraphs-of-outlook": ("<p class=MsoNormal>a</p><p class=MsoNormal>b<o:p></o:p></p>", "a\nb"),
    "blank-paragraph-of-outlook": (
        "<p class=MsoNormal>a</p><p class=MsoNormal>&nbsp;</p><p class=MsoNormal>b",
        "a\n\nb",
    ),
    "break": ("a<br>b<br/>c", "a\nb\nc"),
    "spaces": ("  a \n\t b&nbsp;&nbsp;c <b> d</b>", "a b  c d"),
    "list": ("<ul><li>a</li><li><p>b</p></li></ul>", "- a\n- b"),
    "table": ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
    "link": ('<a href="https://example.com">here</a>', "here"),
    "image": ('a<img src="x" alt="b">c', "ac"),
    "preformatted": ("<pre>a\n  b</pre>", "a\n  b"),
    "white-space-kept": ('<div style="white-space: pre-wrap">a\nb</div>', "a\nb"),
    "references": ("a &lt;b&gt; &amp; &#228; &euro;", "a <b> & ä €"),
    "huge-reference": (f"a&#{'9' * 5000};b", "a\ufffdb"),
    "head": ("<html><head><title>t</title><style>s{}</style><script>x<y</script></head><body>a", "a"),
    "comment": ("a<!-- b > c -->d<!--[if mso]>e<![endif]-->f", "adf"),
    "unclosed-comment": ("a<!-- b", "a<!-- b"),
    "declaration": ("<!DOCTYPE html><?xml x?>a", "a"),
    "hidden-attribute": ("<div hidden>b</div>a", "a"),
    "display-none": ('<div style="display: none !important"><div>b</div>c</div>a', "a"),
    "preheader": ('<span style="max-height:0px;overflow:hidden">b</span>a', "a"),
    "empty-box": ('<div style="font-size:0px;line-height:0;overflow:hidden">b</div>a', "a"),
    "cell-of-a-newsletter": ('<table><tr><td style="font-size:0px"><p>a</p></td></tr></table>', "a"),
    "hidden-paragraph-not-closed": ("<p hidden>b<p>a", "a"),
    "partly-transparent": ('<div style="opacity:0.8">a</div>', "a"),
    "ordinary-quotation": ("a<blockquote>b<br>c</blockquote>d", "a\n\n> b\n> c\n\nd"),
    "nested-quotation": ("<blockquote>b<blockquote>c</blockquote></blockquote>", "> b\n\n> c"),
    "indented-in-gmail": (
        '<blockquote style="margin:0 0 0 40px;border:none;padding:0px">a</blockquote>',
        "a",
    ),
    "angle-brackets": ("1 < 2 and <3", "1 < 2 and <3"),
    "tag-not-closed": ("a <b", "a <b"),
    "greater-in-attribute": ('<a title="x>y">a</a>', "a"),
    "crossed-tags": ("<b><div>a</b></div>b", "a\nb"),
    "empty": ("", ""),
}


@pytest.mark.parametrize("page", CLIENTS.values(), ids=CLIENTS)
def test_history_is_left_out(page):
    assert own_text(text_of_html(page)) == "Thank you."


@pytest.mark.parametrize(("page", "text"), LAYOUT.values(), ids=LAYOUT)
def test_page_is_laid_out_as_lines(page, text):
    assert text_of_html(page) == text


@pytest.mark.parametrize(
    "page",
    [
        "<blockquote type=cite>one</blockquote>a<blockquote type=cite>two</blockquote>b",
        f'<div class="gmail_quote"><div class="gmail_attr">{SAID}</div><blockquote'
        ' class="gmail_quote">one</blockquote>'
        '<div>a</div><blockquote class="gmail_quote">two</blockquote><div>b</div></div>',
        f'<div class="gmail_extra"><div class="gmail_quote">{SAID}<br><blockquote'
        ' class="gmail_quote">one</blockquote>'
        "</div>a<br><blockquote class=gmail_quote>two</blockquote>b</div>",
        f'<div class="moz-cite-prefix">{SAID}</div><blockquote type="cite">one</blockquote><p>a</p>'
        '<blockquote type="cite">two</blockquote><p>b</p>',
    ],
    ids=["apple", "gmail", "gmail-2015", "thunderbird"],
)
def test_answers_between_quotations_are_kept(page):
    assert own_text(text_of_html(page)) == "a\n\nb"


def test_history_that_was_quoted_hides_nothing_behind_it():
    page = '<blockquote type=cite><div id="divRplyFwdMsg">b</div></blockquote>a'

    assert own_text(text_of_html(page)) == "a"


def test_text_that_follows_the_line_of_an_answer_is_no_quotation():
    page = f'<div class="moz-cite-prefix">{SAID}</div>a<blockquote>b</blockquote>'

    assert text_of_html(page) == "a\n\n> b"


@given(st.text())
def test_never_raises(page):
    text_of_html(page)


MARKUP = st.sampled_from(
    (
        *(
            "<div class=gmail_quote>",
            "</div>",
            "<blockquote type=cite>",
            "</blockquote>",
            "<p>",
            "</p>",
            "<pre>",
        ),
        *(
            "</pre>",
            "<li>",
            "<br>",
            "<td>",
            "<span hidden>",
            "</span>",
            "x",
            "\n",
            "-----",
            "<!--",
            "-->",
            "<",
        ),
        *("<a b='", "'>", ">", "&#x110000;", "&#xd800;", "&", "<script>", "</script>", "<blockquote>"),
        *("<div class=gmail_attr>", "\ud800", "\0"),
    )
)


@given(st.lists(MARKUP, max_size=40).map("".join))
def test_never_raises_on_crossed_markup(page):
    own_text(text_of_html(page))


@given(st.text(alphabet=st.characters(blacklist_characters="<&", blacklist_categories=("Cs",))))
def test_text_without_markup_is_one_token(text):
    assert "".join(str(token) for token in tokens(text)) == text


def test_deep_nesting_is_no_matter():
    assert own_text(text_of_html("<div>" * 100_000 + "a" + "</div>" * 100_000)) == "a"
