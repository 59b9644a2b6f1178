"""Words that carry no wish, in English and German. A message is fully understood if only such words are left over.

Whatever is neither here nor in a pattern is shown to the visitor as not understood. So a word belongs here only if
leaving it out changes nothing for anybody.
"""

from __future__ import annotations

FILLER = frozenset(
    """
    @ s ' a and the of for in on at to by with from is are was be been am it its it's that this those these there
    here or but i me my mine we us our ours you your he she they them their who which one ones would could can may
    might should will shall do does did have has had having want wants wanted like likes need needs please thanks
    thank hi hello hey dear good nice great best seat seats ticket tickets place places spot spots if possible
    maybe perhaps also some any something somewhere get give find show see let lets let's i'd we'd we're i'm i'll
    we'll there's me'd looking look search searching prefer preferably preferred ideally rather would're so then
    now today tonight movie film cinema as well too just only really very quite pretty near nearby close next row
    rows sit sitting hall theatre theater screening each other per more up all people person persons make offer
    offers what how about okay ok yes come coming are've which's comes going und oder aber der die das den dem des
    ein ich mir mich mein meine meinen meinem meiner wir uns unser unsere unseren unserem du dir dich sie ihr ihre
    ihnen er es man ist sind waere waeren war bin sein haben habe hat haette haetten moechte moechten moechtest
    wollen wuerde wuerden koennte koennten koennen kann darf duerfen soll sollte sollten brauche brauchen braucht
    suche suchen sucht gern gerne bitte danke dankeschoen hallo guten tag abend morgen moin servus gruess gott
    platz plaetze plaetzen sitz sitze sitzen sitzplatz sitzplaetze karte karten im an auf bei fuer mit von vom zu
    zum zur aus nach ab um bis da dort hier sehr recht ganz auch noch mal einmal doch nur schon dann wenn falls
    moeglich moeglichst liebsten lieber gute guter gutes schoen schoene schoenen beste besten reihe reihen kino
    vorstellung saal heute wie gibt geht gehen kommen komme kommt davon vielleicht eventuell etwas irgendwo
    irgendwas einfach alle alles jeder jede jedem je ja zeig zeige zeigen finde finden machen mach naehe nahe nah
    neben direkt leute personen freunde ihn gleich eher fein super toll wunderbar familie family egal wo
    where hauptsache
    whatever whichever wherever happy fine bitteschoen love
    """.split()
)
"""``not`` and ``nicht`` are missing on purpose: a refusal that no pattern understood has to be shown."""
