/** Was das Automatenterminal sagt, auf Deutsch; siehe en.js. */

export default {
  language: "Deutsch",

  // Bevor es verkauft.
  connecting: "Einen Moment …",
  offline: "Dieser Automat ist gerade nicht verbunden. Er versucht es von selbst wieder.",
  enrolTitle: "Automaten einrichten",
  enrolText: "Scannen Sie den Code mit einem Telefon, oder geben Sie ihn in /ops unter „Kiosks“ ein.",
  enrolCommand: "Oder auf dem Server: seatserver kiosk enrol {code} --theatre …",
  enrolQr: "QR-Code, der zu /ops führt",
  revokedTitle: "Dieser Automat wurde abgeschaltet",
  revokedText: "Das Personal hat ihn beendet. Er lässt sich als neuer Automat einrichten.",
  setUpAgain: "Neu einrichten",
  lockedTitle: "Dieser Automat ist geschlossen",
  lockedText: "Bitte kaufen Sie Ihre Karten an einem anderen Automaten oder an der Kasse.",

  // Was läuft.
  whatsOn: "Heute im Programm",
  nothingOn: "Heute läuft nichts mehr.",
  showing: "{time} · {hall}",
  touchFilm: "Berühren Sie einen Film, um Karten zu kaufen.",

  // Ein Verkauf, eine Frage nach der anderen.
  howMany: "Wie viele Karten?",
  people: "Personen",
  from: "ab {money}",
  oneLess: "Eine weniger: {name}",
  oneMore: "Eine mehr: {name}",
  countOf: "{name}: {count}",
  onwards: "Weiter",
  whereToSit: "Wo möchten Sie sitzen?",
  bestForUs: "Die besten Plätze für uns",
  onTheMap: "Im Saalplan wählen",
  sayIt: "Wunsch aussprechen",
  cannotListen: "Ich kann gerade nicht zuhören. Bitte wählen Sie im Saalplan.",
  chooseSeats: "Wählen Sie Ihre Plätze",
  takeThese: "Diese Plätze nehmen",
  yourSeats: "Ihre Plätze",
  otherSeats: "Andere Plätze",
  noOthers: "Es gibt keine anderen guten Plätze nebeneinander.",
  toPhone: "Auf meinem Telefon weiter",
  scanWithPhone: "Scannen Sie diesen Code mit Ihrem Telefon",
  scanOnce: "Ihre Plätze gehen mit der restlichen Zeit auf das Telefon über, das ihn als erstes scannt.",
  phoneQr: "QR-Code, der Ihre Plätze auf Ihr Telefon bringt",
  codeOverTitle: "Der Code ist zu alt",
  codeOver:
    "Ihre Plätze sind noch hier. Lassen Sie sich einen neuen Code zeigen, oder gehen Sie zurück und bezahlen Sie hier.",
  newCode: "Neuen Code zeigen",
  moved: "Ihre Plätze sind auf Ihrem Telefon",
  movedText: "Wählen und bezahlen Sie dort. Hier bleibt nichts von Ihnen zurück.",
  back: "Zurück",
  startOver: "Von vorn",
  done: "Fertig",

  // Bezahlen.
  pay: "{money} bezahlen",
  holdCard: "Halten Sie Ihre Karte an das Lesegerät",
  declined: "Ihre Karte wurde abgelehnt",
  otherCard: "Andere Karte versuchen",
  checking: "Die Zahlung wird geprüft …",
  stayHere: "Bitte bleiben Sie einen Moment hier. Sie zahlen nicht zweimal.",
  simulated: "Dieses Lesegerät ist simuliert. Was macht die Karte?",
  simTap: "Bezahlen",
  simDecline: "Abgelehnt werden",
  simLose: "Bezahlen, Antwort geht verloren",
  thanks: "Viel Vergnügen im Kino",
  takeTicket: "Nehmen Sie Ihre Karte, oder fotografieren Sie den Code.",
  ticketQr: "QR-Code Ihrer Karte",
  noPaper:
    "Dieses Terminal kann gerade nicht drucken. Ihre Karte ist dann ein Code auf dem Bildschirm, zum Fotografieren.",
  noPaperNoSale: "Dieses Terminal kann gerade nicht drucken. Bitte nehmen Sie ein anderes, oder gehen Sie zur Kasse.",
  printing: "Ihre Karte wird gedruckt …",
  printed: "Nehmen Sie unten Ihre Karte, oder fotografieren Sie den Code.",
  notPrinted: "Es konnte nichts gedruckt werden. Fotografieren Sie den Code: Er ist Ihre Karte.",
  maybePrinted: "Falls keine Karte herauskam, fotografieren Sie den Code: Er ist Ihre Karte.",
  printAgain: "Noch einmal drucken",
  notPaid: "Es wurde nichts abgebucht",
  voidTimeout: "Es kam rechtzeitig keine Karte. Ihre Plätze sind wieder frei.",
  voidCancelled: "Sie haben abgebrochen. Ihre Plätze sind wieder frei.",
  voidLate: "Die Buchung war schon beendet. Falls abgebucht wurde, kommt das Geld zurück.",

  // Eine Karte, die anderswo gekauft wurde.
  haveTicket: "Ich habe schon eine Karte: drucken",
  showCode: "Zeigen Sie den Code Ihrer Karte",
  showToScanner:
    "Halten Sie den QR-Code, auf dem Telefon oder auf Papier, an den Scanner. Ihre Karte wird hier gedruckt.",
  showToCamera:
    "Halten Sie den QR-Code, auf dem Telefon oder auf Papier, vor die Kamera. Ihre Karte wird hier gedruckt.",
  cameraAway: "Die Kamera geht gerade nicht. Bitte fragen Sie uns. Ihr Code gilt ebenso wie Papier.",
  yourTicket: "Ihre Karte",
  ticketPaper: "Ihre Karte mit ihrem QR-Code",
  printIt: "Drucken",
  printCopy: "Kopie drucken",
  shownOnly: "Zeigen Sie am Einlass den Code, mit dem Sie gekommen sind.",
  shownPrintable: "Ihre Karte kann hier gedruckt werden.",
  shownBefore: "Diese Karte wurde schon gedruckt. Auf einem weiteren Ausdruck steht, dass er eine Kopie ist.",
  shownNoMore: "Diese Karte wurde oft genug gedruckt. Ihr mitgebrachter Code gilt ebenso.",
  shownCannotPrint: "Dieses Terminal kann gerade nicht drucken. Ihr mitgebrachter Code gilt ebenso wie Papier.",
  shownPrinted: "Nehmen Sie unten Ihre Karte.",
  shownNotPrinted: "Es konnte nichts gedruckt werden. Ihr mitgebrachter Code gilt ebenso wie Papier.",
  shownMaybePrinted: "Falls keine Karte herauskam: Ihr mitgebrachter Code gilt ebenso wie Papier.",

  // Was schiefgeht.
  justGone: "Diese Plätze sind gerade vergeben worden. Bitte wählen Sie andere.",
  notTogether:
    "So viele Plätze nebeneinander haben wir nicht gefunden. Versuchen Sie weniger, oder wählen Sie im Plan.",
  ticketsRefused: "Diese Karten gibt es nicht zusammen.",
  seatsLost: "Die Zeit ist um, Ihre Plätze sind wieder frei",
  scanUnknown: "Dieser Code gehört zu keiner unserer Karten.",
  scanTooMany:
    "Das waren zu viele Codes, die keine unserer Karten sind. Bitte warten Sie eine Minute, oder fragen Sie uns.",
  scanCancelled: "Diese Karte wurde storniert.",
  scanUnpaid: "Diese Karte gilt nicht: Sie wurde nicht bezahlt.",
  scanElsewhere: "Diese Karte gilt für ein anderes Kino. Dort kann sie gedruckt werden.",
  scanOver: "Der Film zu dieser Karte ist vorbei.",
  failed: "Das hat nicht geklappt. Bitte versuchen Sie es noch einmal.",

  // Ist jemand da?
  stillThere: "Sind Sie noch da?",
  stillHere: "Ja, ich brauche mehr Zeit",
  leavingIn: { one: "In {count} Sekunde beginnen wir von vorn.", other: "In {count} Sekunden beginnen wir von vorn." },

  // Das Personal.
  help: "Hilfe",
  helpCalled: "Es wird jemand gerufen …",
  helpComing: "Es kommt gleich jemand.",
  helpOver: "Es wird niemand mehr gerufen.",
  staffExtended: "Sie haben jetzt mehr Zeit.",
  staffNotExtended: "Ihre Plätze können nicht länger freigehalten werden.",
  staffReleased: "Unser Personal hat diese Plätze zurückgegeben. Sie können andere wählen.",

  // Für alle.
  speech: "Sprache",
  speechOn: "Die Sprachausgabe ist an. Benutzen Sie die Pfeiltasten, und Enter zum Auswählen.",
  sayAgain: "Wiederholen",
  isOn: "an",
  isOff: "aus",
  contrast: "Kontrast",
  large: "Große Schrift",
  reach: "Tasten tiefer",
};
