"""Make a student's text harmless on a page, for the browser, for MathJax and for the reader.

Markdown becomes HTML, entities become characters, and then MathJax reads the text between dollars; each step can turn
harmless text into something active.  So everything that any step could use is disabled, without a second Markdown
parser, which would have to agree with nbconvert's on what is code or mathematics.
"""

from __future__ import annotations

import re

from grader.sandbox.wire import plain_text

LONGEST_LINE = 1_000  # characters; nbconvert's time for some lines grows with the square of their length
MOST_NEGATIVE_SPACES = 8  # in one text; each moves what follows to the left

# The TeX macros that a student's text may use: they print a symbol, an accent or a structure.  None of them links,
# colors, hides, moves, covers or loads anything, or defines a name, since all cells of a page share definitions.
# Taken from MathJax 2.7.7 (TeX-AMS_CHTML-full), and each tried in a browser.
_NAMES = """
acute aleph alpha amalg And angle approx approxeq arccos arcsin arctan arg array Arrowvert arrowvert ast asymp atop
atopwithdelims backepsilon backprime backsim backsimeq backslash bar barwedge Bbb Bbbk bbFont because begin beta
beth between bf Big big bigcap bigcirc bigcup Bigg bigg Biggl biggl Biggm biggm Biggr biggr Bigl bigl Bigm bigm
bigodot bigoplus bigotimes Bigr bigr bigsqcup bigstar bigtriangledown bigtriangleup biguplus bigvee bigwedge binom
blacklozenge blacksquare blacktriangle blacktriangledown blacktriangleleft blacktriangleright bmod boldsymbol bot
bowtie Box boxdot boxed boxminus boxplus boxtimes brace bracevert brack breve buildrel bullet Bumpeq bumpeq cal Cap
cap cases cdot cdotp cdots centerdot cfrac check checkmark chi choose circ circeq circlearrowleft circlearrowright
circledast circledcirc circleddash circledR circledS clubsuit colon complement cong coprod cos cosh cot coth cr csc
Cup cup curlyeqprec curlyeqsucc curlyvee curlywedge curvearrowleft curvearrowright dagger daleth dashleftarrow
dashrightarrow dashv dbinom ddagger ddddot dddot ddot ddots deg Delta delta det dfrac diagdown diagup Diamond
diamond diamondsuit digamma dim displaylines displaystyle div divideontimes dot Doteq doteq doteqdot dotplus dots
dotsb dotsc dotsi dotsm dotso doublebarwedge doublecap doublecup Downarrow downarrow downdownarrows downharpoonleft
downharpoonright ell emptyset end enspace epsilon eqalign eqcirc eqsim eqslantgtr eqslantless equiv eta eth exists
exp fallingdotseq Finv flat forall frac frak frown Game Gamma gamma gcd ge geq geqq geqslant gets gg ggg gggtr gimel
gnapprox gneq gneqq gnsim grave gt gtrapprox gtrdot gtreqless gtreqqless gtrless gtrsim gvertneqq hat hbar hbox
hdashline heartsuit hline hom hookleftarrow hookrightarrow hslash idotsint iff iiiint iiint iint Im imath impliedby
implies in inf infty injlim int intercal intop iota it jmath Join kappa ker Lambda lambda land langle LaTeX lbrace
lbrack lceil ldotp ldots le leadsto left Leftarrow leftarrow leftarrowtail leftharpoondown leftharpoonup
leftleftarrows Leftrightarrow leftrightarrow leftrightarrows leftrightharpoons leftrightsquigarrow leftthreetimes
leq leqq leqslant lessapprox lessdot lesseqgtr lesseqqgtr lessgtr lesssim lfloor lg lgroup lhd lim liminf limits
limsup ll llcorner Lleftarrow lll llless lmoustache ln lnapprox lneq lneqq lnot lnsim log Longleftarrow
longleftarrow Longleftrightarrow longleftrightarrow longmapsto Longrightarrow longrightarrow looparrowleft
looparrowright lor lozenge lrcorner Lsh lt ltimes lVert lvert lvertneqq maltese mapsto mathbb mathbf mathbin mathcal
mathclose mathfrak mathinner mathit mathop mathopen mathord mathpunct mathrel mathring mathrm mathscr mathsf
mathstrut mathtt matrix max mbox measuredangle mho mid middle min mit mod models mp mu multimap nabla natural ncong
ne nearrow neg neq nexists ngeq ngeqq ngeqslant ngtr ni nLeftarrow nleftarrow nLeftrightarrow nleftrightarrow nleq
nleqq nleqslant nless nmid nobreakspace nolimits nonumber not notag notin nparallel nprec npreceq nRightarrow
nrightarrow nshortmid nshortparallel nsim nsubseteq nsubseteqq nsucc nsucceq nsupseteq nsupseteqq ntriangleleft
ntrianglelefteq ntriangleright ntrianglerighteq nu nVDash nVdash nvDash nvdash nwarrow odot oint oldstyle Omega
omega omicron ominus operatorname oplus oslash otimes over overbrace overleftarrow overleftrightarrow overline
overparen overrightarrow overset overwithdelims owns parallel partial perp Phi phi Pi pi pitchfork pm pmatrix pmb
pmod pod Pr prec precapprox preccurlyeq preceq precnapprox precneqq precnsim precsim prime prod projlim propto Psi
psi qquad quad rangle rbrace rbrack rceil Re restriction rfloor rgroup rhd rho right Rightarrow rightarrow
rightarrowtail rightharpoondown rightharpoonup rightleftarrows rightleftharpoons rightrightarrows rightsquigarrow
rightthreetimes risingdotseq rm rmoustache root Rrightarrow Rsh rtimes rVert rvert S scr scriptscriptstyle
scriptstyle searrow sec setminus sf sharp shortmid shortparallel sideset Sigma sigma sim simeq sin sinh smallfrown
smallint smallsetminus smallsmile smile space spadesuit sphericalangle sqcap sqcup sqrt sqsubset sqsubseteq sqsupset
sqsupseteq square stackrel star strut Subset subset subseteq subseteqq subsetneq subsetneqq substack succ succapprox
succcurlyeq succeq succnapprox succneqq succnsim succsim sum sup Supset supset supseteq supseteqq supsetneq
supsetneqq surd swarrow tan tanh tau tbinom TeX text textbf textit textrm textsf textstyle texttt tfrac therefore
Theta theta thickapprox thicksim thinspace tilde times to top triangle triangledown triangleleft trianglelefteq
triangleq triangleright trianglerighteq tt twoheadleftarrow twoheadrightarrow ulcorner underbrace underleftarrow
underleftrightarrow underline underparen underrightarrow underset unlhd unrhd Uparrow uparrow Updownarrow
updownarrow upharpoonleft upharpoonright uplus Upsilon upsilon upuparrows urcorner varDelta varepsilon varGamma
varinjlim varkappa varLambda varliminf varlimsup varnothing varOmega varPhi varphi varPi varpi varprojlim varpropto
varPsi varrho varSigma varsigma varsubsetneq varsubsetneqq varsupsetneq varsupsetneqq varTheta vartheta vartriangle
vartriangleleft vartriangleright varUpsilon varXi Vdash vDash vdash vdots vec vee veebar Vert vert Vvdash wedge
widehat widetilde wp wr Xi xi xleftarrow xrightarrow yen zeta
"""
MACROS = frozenset(_NAMES.split())

# The languages that a block of code may name; for others the page might draw it or pass it to another parser.
LANGUAGES = ("python", "py", "python3", "ipython", "pycon", "text", "console", "bash")

# Invisible characters; U+200C and U+200D stay, since they shape letters of some scripts.
_UNSEEN = re.compile("[\u00ad\u200b\u2028\u2029\u2060-\u206f\ufeff\ufff9-\ufffb]")
# The beginning of a tag, an entity, or the address of a link; a space after it disables it.
_BEGINS = re.compile(r"<(?=[A-Za-z/!?])|\](?=[(:\[])|&(?=#|[A-Za-z][A-Za-z0-9]*;)")
_MACRO = re.compile(r"\\([A-Za-z]+)")
_NEGATIVE_SPACE = re.compile(r"\\!")
_FENCE = re.compile(r"^([ \t>*+.\d-]*)(`{3,}|~{3,})[ \t]*([^\s`{]+)([^\n`]*)$", re.MULTILINE)
_LONG_LINE = re.compile(rf"[^\n]{{{LONGEST_LINE}}}(?!\n|$)")


def inert(text: str) -> str:
    """Disable HTML, images, entities, links other than bare URLs, and active TeX in a student's Markdown.

    The text stays readable: whatever could begin such a thing is followed by a space, which shows in code but does no
    harm.  Lines of more than ``LONGEST_LINE`` characters are broken.  Raises ``wire.Broken`` if ``text`` is not a str.
    """
    text = _UNSEEN.sub("", plain_text(text))  # first, since a browser drops some of these and joins what they part
    text = _FENCE.sub(lambda found: found[0] if found[3] in LANGUAGES else found[1] + found[2], text)
    text = _BEGINS.sub(lambda found: found[0] + " ", text)
    text = _MACRO.sub(lambda found: found[0] if found[1] in MACROS else f"\\ {found[1]}", text)
    if text.count("\\!") > MOST_NEGATIVE_SPACES:
        text = _NEGATIVE_SPACE.sub("", text)
    return _LONG_LINE.sub(lambda found: found[0] + "\n", text)
