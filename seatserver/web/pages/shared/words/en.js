/**
 * What the pages say, in English. A text may name {facts}; one with forms ("one", "other") is chosen by {count}. The
 * seat map has texts of its own, in seat-map/strings/; both tell in the same words why something failed.
 */
import reasons from "../../../shared/reasons/en.js";

export default {
  ...reasons,

  // All pages.
  again: "Try again",
  programme: "See all films and showtimes",
  theatreTime: "the theatre’s time",
  from: "from {money}",

  // The front page.
  today: "Today",
  tomorrow: "Tomorrow",
  nothingOn: "Nothing is shown in the next days.",
  noProgramme: "We can’t show the programme at the moment: {reason}.",
  oldNumbers: "How full it is was last known at {time}: {reason}.",
  noNumbers: "We can’t tell how full it is at the moment: {reason}.",
  timesOf: "times of {city}",
  mostlyFree: "Mostly free",
  filling: "Filling up",
  seatsLeft: { one: "{count} seat left", other: "{count} seats left" },
  seatsFree: { one: "{count} seat free", other: "{count} seats free" },
  soldOut: "Sold out",
  soldOutForNow: "Sold out for now",
  saleOver: "Sale has ended",
  saleBegins: "On sale {time}",

  // The showtime page.
  seatsOf: "{title} · seats",
  noShowtime: "There is no such showtime",
  noShowtimeText: "It may be over, or the address was cut short on its way.",

  // A booking, and the list of them.
  yourBooking: "Your booking",
  bookingOf: "{title} · your booking",
  confirmed: "Confirmed",
  pending: "Waiting for your payment",
  cancelled: "Cancelled",
  expired: "Not paid in time",
  past: "Over",
  pendingHint: "The ticket appears here as soon as it is paid.",
  cancelledHint: "The seats are free again. A ticket printed before lets nobody in.",
  expiredHint: "The seats are free again.",
  atTheDoor: "At the door",
  doorHint: "Show this code at the door, on your screen or on paper. Be there 15 minutes before the film starts.",
  reference: "Booking",
  where: "Where",
  seats: { one: "Seat", other: "Seats" },
  seat: "Seat",
  ticket: "Ticket",
  price: "Price",
  fees: "Fees",
  total: "Total",
  left: "{time} left",
  leftOver: "the time is over",
  qrCode: "The ticket’s QR code",
  inLetters: "The code in letters",
  withoutCode: "This booking has no code: show its number at the door.",
  print: "Print the ticket",
  calendar: "Add to calendar",
  noCalendar: "The calendar entry can’t be made at the moment: {reason}.",
  hall: "See the hall",
  cancel: "Cancel booking",
  cancelSure: "Give up these seats?",
  cancelYes: "Yes, cancel",
  cancelNo: "Keep them",
  notCancelled: "It could not be cancelled: {reason}.",
  linkText:
    "The link to this page opens your ticket in any browser: keep it, or send it to your phone. " +
    "Whoever has the link has the ticket, so share it with nobody else.",
  link: "The link to your ticket",
  copy: "Copy link",
  copied: "Copied.",
  copyYourself: "Your browser does not let this page copy: copy the link yourself.",
  notYours: "We found no booking of yours with this number.",
  badLink: "This address opens no booking: it may not be whole.",
  unknownVisitor: "This browser does not know you.",
  badToken: "This token is not valid, or no longer.",
  notFoundHint: "A booking opens by the whole link you were given, or in the browser it was made with.",
  staff: "For staff",
  token: "Your token",
  show: "Show the booking",
  old: "What you see may be old: {reason}.",
  notShown: "The booking can’t be shown at the moment: {reason}.",

  // My bookings.
  upcoming: "Coming up",
  earlier: "Earlier",
  noBookings: "You have no bookings yet",
  noBookingsText: "What you book in this browser is listed here. A ticket’s link opens it in any other browser.",
  noList: "Your bookings can’t be shown at the moment: {reason}.",
  toTicket: "Show ticket",
  toBooking: "Continue",
  toDetails: "Show booking",
  more: "Show more",
  forget: "Forget me on this browser",
  forgetText:
    "Not your own computer? Then this browser keeps no list of your bookings. Links to tickets go on working.",
  forgetYes: "Yes, forget me",
};
