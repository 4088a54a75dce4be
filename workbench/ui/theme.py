"""How the page looks and what it may load: theme, style sheet, content policy."""

from pathlib import Path

import gradio as gr

from workbench.palette import DARK, LIGHT, TOKENS_CSS

_STYLES = Path(__file__).resolve().parent / "html"
CSS_FILES = (
    TOKENS_CSS,
    *(_STYLES / f"{name}.css" for name in ("page", "probe", "methods", "benchmark", "models")),
)

# Everything comes from this server: an answer that smuggles in an address can't call home.
CONTENT_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",  # Gradio compiles its templates
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' data: blob:",
        "worker-src 'self' blob:",
        "form-action 'self'",
        "frame-src 'none'",
        "object-src 'none'",
        "base-uri 'self'",
    )
)
HEAD = (
    f'<meta http-equiv="Content-Security-Policy" content="{CONTENT_POLICY}">'
    '<meta name="referrer" content="no-referrer">'
)


# What Gradio draws itself, in the tokens of `html/tokens.css`: our own elements and its look as one.
COLOURS = {
    "body_background_fill": "ground",
    "body_text_color": "ink",
    "body_text_color_subdued": "soft",
    "block_label_text_color": "soft",
    "block_info_text_color": "soft",
    "input_placeholder_color": "soft",
    "link_text_color": "accent",
    "link_text_color_hover": "accent-ink",
    "link_text_color_active": "accent-ink",
    "link_text_color_visited": "accent",
    "button_primary_background_fill": "button",
    "button_primary_background_fill_hover": "button-hover",
    "button_primary_text_color": "on-button",
    "checkbox_background_color_selected": "button",
    "checkbox_border_color_selected": "button",
    "slider_color": "accent",
    "loader_color": "accent",
    "input_border_color_focus": "accent",
}


def theme() -> gr.themes.Base:
    """Calm and clinical: slate neutrals, one blue, system fonts, contrast of at least 4.5 to 1."""
    fonts = ("ui-sans-serif", "system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif")
    mono = ("ui-monospace", "SFMono-Regular", "Consolas", "monospace")
    return gr.themes.Base(
        primary_hue=gr.themes.colors.sky,
        secondary_hue=gr.themes.colors.slate,
        neutral_hue=gr.themes.colors.slate,
        radius_size=gr.themes.sizes.radius_md,
        font=fonts,
        font_mono=mono,
    ).set(
        **{name: LIGHT[token] for name, token in COLOURS.items()},
        **{f"{name}_dark": DARK[token] for name, token in COLOURS.items()},
        block_background_fill_dark=DARK["raised"],
        color_accent=LIGHT["accent"],  # has no dark twin; `page.css` sets that one
    )
