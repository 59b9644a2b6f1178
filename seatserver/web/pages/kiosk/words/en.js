/** What the kiosk says, in English. A text may name {facts}; one with forms is chosen by {count}. */

export default {
  language: "English",

  // Before it sells.
  connecting: "One moment …",
  offline: "This kiosk is not connected at the moment. It tries again by itself.",
  enrolTitle: "Set up this kiosk",
  enrolText: "Scan the code with a phone, or enter it under Kiosks in /ops.",
  enrolCommand: "Or on the server: seatserver kiosk enrol {code} --theatre …",
  enrolQr: "QR code that leads to /ops",
  revokedTitle: "This kiosk was switched off",
  revokedText: "Staff have ended it. It can be set up again as a new kiosk.",
  setUpAgain: "Set up again",
  lockedTitle: "This kiosk is closed",
  lockedText: "Please buy your tickets at another kiosk or at the box office.",

  // What is on.
  whatsOn: "What’s on today",
  nothingOn: "Nothing more is showing today.",
  showing: "{time} · {hall}",
};
